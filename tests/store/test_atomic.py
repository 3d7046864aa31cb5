import os
import subprocess
import sys
import time

import pytest

from boxsup.store.atomic import atomic_write, write_text


def fail_half_way(path):
    with atomic_write(path) as partial:
        partial.write_text("half")
        raise RuntimeError("half way")


def test_nothing_is_left_when_the_writer_fails(tmp_path):
    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way(tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_rewrite_keeps_the_old_content(tmp_path):
    write_text(tmp_path / "a.csv", "old")
    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "old"


def test_a_folder_replaces_a_full_folder(tmp_path):
    for content in ("old", "new"):
        with atomic_write(tmp_path / "store") as partial:
            partial.mkdir()
            (partial / content).touch()
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_what_a_killed_writer_left_is_swept_and_never_passes_for_whole(tmp_path):
    script = (
        "import sys, time\nfrom boxsup.store.atomic import atomic_write\n"
        "with atomic_write(sys.argv[1]) as partial:\n"
        "    partial.mkdir(); (partial / 'chunk').touch(); print('writing', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "store")], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout.readline() == "writing\n"
        writer.kill()
    assert not (tmp_path / "store").exists()
    assert len(list(tmp_path.iterdir())) == 1
    with atomic_write(tmp_path / "store") as partial:
        partial.mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_living_writers_partial_is_left_alone(tmp_path):
    script = (
        "import sys\nfrom boxsup.store.atomic import atomic_write\n"
        "with atomic_write(sys.argv[1]) as partial:\n"
        "    partial.write_text('first'); print('writing', flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "a")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout.readline() == "writing\n"
        write_text(tmp_path / "a", "second")
        assert (tmp_path / "a").read_text() == "second"
        writer.communicate("go on\n")
        assert writer.returncode == 0
    assert (tmp_path / "a").read_text() == "first"


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="a small tmpfs needs root")
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        arguments = ["--settings", '{"seed":0,"side":160,"train":8,"val":4,"masks":2}']
        arguments += ["--classes", '["ring","crescent","star","branch","spiral","comb"]']
        result = subprocess.run(
            [sys.executable, "-m", "boxsup", "shapes", *arguments, "--out", str(disk / "tree")],
            capture_output=True,
            text=True,
        )
        time.sleep(0.1)
        left = list(disk.iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)
    assert result.returncode == 1
    [line] = [line for line in result.stderr.splitlines() if line.startswith("boxsup: error:")]
    assert "No space left on device" in line
    assert "Traceback" not in result.stderr
    assert left == []
