"""Errors of the system end in one line that names the output, with status 1, and lose nothing."""

import os
import resource
import subprocess
import sys

import pytest

from boxsup.store.atomic import atomic_write, write_text

pytestmark = pytest.mark.slow  # each test starts commands

SETTINGS = '{"seed": 0, "side": 64, "train": 1, "val": 1, "masks": 1}'
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="attributes of files and mounts need root")


def shapes(out, *more, **options):
    """The command in a process of its own: its status and what it says, but for its last line where all is well."""
    words = ["shapes", "--settings", SETTINGS, "--classes", '["ring"]', "--out", str(out), *more]
    process = subprocess.run([sys.executable, "-m", "boxsup", *words], capture_output=True, text=True, **options)
    assert "Traceback" not in process.stderr
    return process.returncode, process.stderr


@pytest.fixture
def immutable(tmp_path):
    """Makes files that nobody can change, as `chattr +i` does."""
    changed = []

    def make(path):
        if subprocess.run(["chattr", "+i", path], capture_output=True).returncode:
            pytest.skip("this file system has no such attribute")
        changed.append(path)

    yield make
    for path in changed:
        subprocess.run(["chattr", "-i", path], check=True)


@AS_ROOT
@pytest.mark.parametrize(
    ("name", "message"),
    [("above", "above: you may not write there; "), ("above/tree", "above/tree: Operation not permitted; ")],
)
def test_what_cannot_be_changed(name, message, tmp_path, immutable):
    out = tmp_path / "above" / "tree"
    assert shapes(out)[0] == 0
    before = sorted(out.rglob("*"))
    immutable(tmp_path / name)
    status, said = shapes(out)
    assert status == 1
    assert said.startswith("boxsup: error: ")
    assert f"/{message}" in said
    assert sorted(out.rglob("*")) == before
    assert os.listdir(out.parent) == ["tree"]


@AS_ROOT
def test_a_place_that_is_mounted_on(tmp_path):
    out = tmp_path / "tree"
    out.mkdir()
    if subprocess.run(["mount", "--bind", out, out], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        status, said = shapes(out)
    finally:
        subprocess.run(["umount", out], check=True)
    assert status == 1
    assert f"boxsup: error: {out}: Device or resource busy; " in said
    assert os.listdir(tmp_path) == ["tree"]


def test_a_limit_on_the_size_of_files(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    status, said = shapes(tmp_path / "tree", preexec_fn=limit)
    assert status == 1
    assert said.startswith(f"boxsup: error: {tmp_path}/tree")
    assert "File too large" in said
    assert os.listdir(tmp_path) == []


def test_a_name_that_is_too_long(tmp_path):
    status, said = shapes(tmp_path / ("x" * 256))
    assert status == 1
    assert said.startswith(f"boxsup: error: {tmp_path}/{'x' * 256}: File name too long; ")
    assert shapes(tmp_path / ("x" * 255))[0] == 0
    assert shapes(tmp_path / ("x" * 255))[0] == 0
    assert os.listdir(tmp_path) == ["x" * 255]


def test_what_is_named_is_the_output_and_not_what_it_is_called_while_it_is_made(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError, match=rf"'{tmp_path}/a'"):
        write_text(tmp_path / "a", "text")

    def nested():
        with atomic_write(tmp_path / "folder") as partial:
            partial.mkdir()
            write_text(partial / ("x" * 256), "text")

    with pytest.raises(OSError, match=rf"File name too long: '{tmp_path}/folder/x"):
        nested()
    assert os.listdir(tmp_path) == ["a"]


def test_names_that_are_no_utf8_are_written_and_said_whatever_the_terminal_knows(tmp_path):
    out = tmp_path / os.fsdecode(b"pr\xe9")
    environments = {"LANG": "C", "LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}, {"PYTHONIOENCODING": "ascii"}
    for environment, more in zip(environments, ("--verbose", "--quiet", "--verbose"), strict=True):
        status, said = shapes(out, more, env={**os.environ, **environment})
        assert status == 0, said
    (out / "mine").touch()
    assert shapes(out)[0] == 1
    assert shapes(out, "--overwrite")[0] == 0
    assert sorted(os.listdir(os.fsencode(tmp_path)))[0] == b"pr\xe9"
