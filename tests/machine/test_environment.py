"""Commands without a home, and without an installation that they may write to."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from boxsup.machine.environment import user_temp_folder
from helpers.paths import ROOT

pytestmark = pytest.mark.slow  # loops are compiled anew

PATIENCE = 300  # s after which a command counts as one that hangs
STRANGER = 12345  # a user id that nobody has

COMPILING = """
import boxsup.cli
import matplotlib.figure
import numpy as np
from boxsup.proposals.pool import candidate_areas

print(candidate_areas(np.ones((2, 3), bool), np.arange(3)).tolist())
"""


def test_opencv_has_one_thread_in_a_command_whatever_the_environment_says():
    counting = [sys.executable, "-c", "import boxsup.cli, cv2; print(cv2.getNumThreads())"]
    for said in ("3", "0"):
        environment = os.environ | {"OPENCV_FOR_THREADS_NUM": said}
        assert subprocess.run(counting, env=environment, capture_output=True, text=True).stdout == "1\n"


@pytest.fixture
def place():
    """A folder that every user comes to, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def installed(place):
    """An installation that nobody writes to, and what runs code with it as a user who owns two folders alone."""
    shutil.copytree(ROOT / "boxsup", place / "site/boxsup", ignore=shutil.ignore_patterns("__pycache__"))
    as_stranger = []
    if os.geteuid() == 0:  # who writes to everything, whatever its permissions
        may_read = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        as_stranger = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", *may_read]
        if not shutil.which("setpriv") or subprocess.run([*as_stranger, "true"], capture_output=True).returncode:
            pytest.skip("cannot become another user")
    for name in ("work", "tmp"):
        (place / name).mkdir()
        if as_stranger:
            os.chown(place / name, STRANGER, STRANGER)
    folders = [place / "site", *(path for path in (place / "site").rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)

    def run(**environment):
        own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(place / "site"), "TMPDIR": str(place / "tmp")}
        command = [*as_stranger, sys.executable, "-c", COMPILING]
        done = subprocess.run(
            command, cwd=place / "work", env=own | environment, capture_output=True, text=True, timeout=PATIENCE
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "[3, 3]\n", "")
        assert list((place / "work").iterdir()) == []  # nothing called `~` for want of a home

    run.cache = place / "tmp" / f"boxsup-{STRANGER if as_stranger else os.getuid()}"
    yield run
    for folder in folders:
        folder.chmod(0o755)


@pytest.mark.parametrize("environment", [{}, {"HOME": "/"}, {"HOME": "/nowhere"}], ids=["none", "root", "missing"])
def test_without_a_home_loops_are_cached_in_a_folder_for_temporary_files(installed, environment):
    installed(**environment)
    assert list(installed.cache.glob("numba/*/*.nbi"))
    assert installed.cache.stat().st_mode & 0o777 == 0o700


def test_where_nothing_can_be_kept_loops_are_compiled_anew(installed):
    installed.cache.mkdir(mode=0o777)  # anybody's: what lies there is not trusted
    installed.cache.chmod(0o777)
    installed(HOME="/", MPLCONFIGDIR=str(installed.cache))
    assert not list(installed.cache.glob("numba/*"))


def test_a_folder_of_others_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = tmp_path / f"boxsup-{os.getuid()}"
    assert user_temp_folder() == own
    own.chmod(0o770)
    assert user_temp_folder() is None
    own.rmdir()
    (tmp_path / "theirs").mkdir()
    own.symlink_to(tmp_path / "theirs")
    assert user_temp_folder() is None
