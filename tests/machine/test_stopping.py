"""Signals at any moment: nothing half-written, the signal's status, no traceback, no process left."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from helpers.paths import ROOT
from helpers.processes import ended

pytestmark = pytest.mark.slow  # each test starts programs and stops them

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
PATIENCE = 120  # s
SLOW = {"seed": 0, "side": 160, "train": 5000, "val": 1, "masks": 1}


@pytest.fixture(autouse=True)
def _listening():
    """A shell's background job ignores SIGINT, one of `nohup` SIGHUP, and so would the processes that it starts."""
    before = [signal.signal(number, signal.SIG_DFL) for number in SIGNALS]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


def started(*words, **options):
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options
    )


def shapes(out):
    words = ["--settings", json.dumps(SLOW), "--classes", '["ring", "star"]', "--out", str(out)]
    return [sys.executable, "-m", "boxsup", "shapes", *words]


def until(condition, run):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("stop", SIGNALS)
def test_a_stopped_stage_takes_back_what_is_half_written(tmp_path, stop):
    with started(*shapes(tmp_path / "tree")) as stage:
        until(lambda: list(tmp_path.rglob("*.jpg")), stage)
        stage.send_signal(stop)
        assert stage.communicate(timeout=PATIENCE) == ("", "")
    assert stage.returncode == 128 + stop
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("delay", [0.1, 0.2, 0.4, 0.8])
def test_at_whatever_moment_it_comes(tmp_path, delay):
    with started(*shapes(tmp_path / "tree")) as stage:
        time.sleep(delay)
        stage.send_signal(signal.SIGTERM)
        output = stage.communicate(timeout=PATIENCE)
    # Before any line of ours runs, SIGTERM just ends Python.
    assert (stage.returncode, output) in ((143, ("", "")), (-signal.SIGTERM, ("", "")))
    assert list(tmp_path.iterdir()) == []


FINALISERS = """
import time
from boxsup.machine.stopping import stop_at_signals

class Slow:
    def __del__(self):
        print("in it", flush=True)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pass

stop_at_signals()
Slow()
print("it was swallowed", flush=True)
"""
SWALLOWING = """
import time
from boxsup.machine.stopping import stop_at_signals

stop_at_signals()
while True:
    try:
        print("in it", flush=True)
        time.sleep(60)
    except BaseException:
        pass
"""
LAST_MOMENTS = """
import atexit, time
from boxsup.machine.stopping import stop_at_signals

class Slow:
    def __del__(self):
        print("in it", flush=True)
        time.sleep(2)

stop_at_signals()
import builtins
builtins.slow = Slow()
"""


@pytest.mark.parametrize("stop", SIGNALS)
@pytest.mark.parametrize("code", [FINALISERS, SWALLOWING], ids=["a finaliser", "a line that swallows exceptions"])
def test_it_does_not_matter_where_a_signal_arrives(code, stop):
    with started(sys.executable, "-c", code, cwd=ROOT) as run:
        assert run.stdout.readline() == "in it\n"
        run.send_signal(stop)
        assert run.communicate(timeout=PATIENCE) == ("", "")
    assert run.returncode == 128 + stop


@pytest.mark.parametrize("stop", SIGNALS)
def test_when_all_is_done_a_signal_changes_nothing(stop):
    with started(sys.executable, "-c", LAST_MOMENTS, cwd=ROOT) as run:
        assert run.stdout.readline() == "in it\n"
        run.send_signal(stop)
        assert run.communicate(timeout=PATIENCE) == ("", "")
    assert run.returncode == 0


def test_what_is_ignored_stays_ignored(tmp_path):
    code = "import os, signal; from boxsup.machine.stopping import stop_at_signals; stop_at_signals()\n"
    code += "os.kill(os.getpid(), signal.SIGHUP); print('still there')"
    ignoring = f"trap '' HUP; exec {sys.executable} -c \"{code}\""
    with started("sh", "-c", ignoring, cwd=ROOT) as run:
        assert run.communicate(timeout=PATIENCE) == ("still there\n", "")


WRITING = """
import contextlib, sys, threading, time
from pathlib import Path
from boxsup.machine.stopping import stop_at_signals
from boxsup.store.atomic import atomic_write

stop_at_signals()
with atomic_write(sys.argv[1]) as partial:
    def write():
        for number in range(10**9):
            with contextlib.suppress(OSError):
                partial.mkdir(exist_ok=True)
                (partial / str(number % 20)).write_bytes(b"x" * 10**5)
    for _ in range(2):
        threading.Thread(target=write, daemon=True).start()
    print("in it", flush=True)
    time.sleep(60)
"""


def test_threads_that_write_on_leave_nothing(tmp_path):
    with started(sys.executable, "-c", WRITING, str(tmp_path / "store"), cwd=ROOT) as run:
        assert run.stdout.readline() == "in it\n"
        time.sleep(0.2)
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=PATIENCE)
    assert run.returncode == 143
    assert list(tmp_path.iterdir()) == []


WORKERS = """
import sys, time
sys.path.insert(0, sys.argv[1])
from boxsup.machine.environment import set_environment
from boxsup.machine.stopping import stop_at_signals
from boxsup.machine.workers import map_in_processes
from helpers.processes import stay
from helpers.processes import ended

if __name__ == "__main__":
    set_environment()
    stop_at_signals()
    print("in it", flush=True)
    list(map_in_processes(stay, [(sys.argv[2],)] * 2, 2))
"""


@pytest.mark.parametrize("while_they_start", [True, False])
@pytest.mark.parametrize("stop", SIGNALS)
def test_a_signal_to_all_processes_is_as_quiet_as_one_to_the_first(tmp_path, stop, while_they_start):
    code = tmp_path / "code.py"
    code.write_text(WORKERS)
    (tmp_path / "there").mkdir()
    with started(sys.executable, str(code), str(ROOT / "tests"), str(tmp_path / "there")) as run:
        assert run.stdout.readline() == "in it\n"
        until(lambda: len(psutil.Process(run.pid).children()) >= 2, run)
        until(lambda: while_they_start or len(list((tmp_path / "there").iterdir())) == 2, run)
        children = psutil.Process(run.pid).children(recursive=True)
        os.killpg(run.pid, stop)
        assert run.communicate(timeout=PATIENCE) == ("", "")
    assert run.returncode == 128 + stop
    assert all(map(ended, children))
