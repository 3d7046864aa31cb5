"""The `boxsup` of jobs in an environment of their own: our code, and the packages of that environment only."""

import os
import subprocess
import sys

import pytest

from boxsup.running.launcher import LAUNCHER
from boxsup.version import VERSION

pytestmark = pytest.mark.slow  # programs

WORKERS = """
import sys
from boxsup.machine.workers import map_in_processes
from operator import neg

if __name__ == "__main__":
    print(list(map_in_processes(neg, [(1,), (2,)], 2)), "yaml" in sys.modules)
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """An environment without any package."""
    folder = tmp_path_factory.mktemp("bare") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder


def launch(prefix, *words):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"CONDA_PREFIX": str(prefix)}
    return subprocess.run([LAUNCHER / "boxsup", *words], env=environment, capture_output=True, text=True)


def test_our_code_runs_where_no_boxsup_is_installed(prefix):
    assert launch(prefix, "--version").stdout == f"boxsup {VERSION}\n"


def test_packages_beside_ours_are_not_seen(prefix):
    done = launch(prefix, "overlaps", "--help")
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    assert launch(sys.prefix, "overlaps", "--help").returncode == 0


def test_worker_processes_find_our_code_too(prefix, tmp_path):
    text = (LAUNCHER / "alone.py").read_text().partition('\nif __name__ == "__main__":')[0]
    script = tmp_path / "script.py"
    script.write_text(
        text.replace("Path(__file__).resolve().parents[2]", f"Path({str(LAUNCHER.parents[1])!r})") + WORKERS
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [prefix / "bin/python", script]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.stdout == "[-1, -2] False\n", done.stderr


def test_without_an_environment_it_says_what_is_missing():
    environment = {name: value for name, value in os.environ.items() if name != "CONDA_PREFIX"}
    done = subprocess.run([LAUNCHER / "boxsup", "--version"], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "CONDA_PREFIX" in done.stderr
