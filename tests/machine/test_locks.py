"""GPUs of one machine shared out among processes that are killed."""

import signal
import subprocess
import sys
import time

import pytest

from boxsup.errors import StoreError
from boxsup.machine import locks

NAMES = ("a", "b", "c")
HOLD = """
import sys, time
from pathlib import Path
from boxsup.machine.locks import lock_gpus
print(*lock_gpus(sys.argv[3:], int(sys.argv[2]), Path(sys.argv[1])), flush=True)
time.sleep(600)
"""


@pytest.fixture
def holders(tmp_path):
    """Starts processes that take some and keep them; all end with the test."""
    started = []

    def start(count):
        run = [sys.executable, "-c", HOLD, str(tmp_path / "locks"), str(count), *NAMES]
        started.append(subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def taken(process):
    """Which ones a process says that it has, as soon as it has them."""
    return {int(index) for index in process.stdout.readline().split()}


def waits(process):
    """Once it says so."""
    return "waiting for" in process.stderr.readline()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_each_has_its_own_and_a_dead_one_none(holders, number):
    first, second, third = holders(1), holders(1), holders(1)
    had = [taken(process) for process in (first, second, third)]
    assert sorted(map(list, had)) == [[0], [1], [2]]
    late = holders(1)
    assert waits(late)
    second.send_signal(number)
    assert taken(late) == had[1]


def test_who_needs_several_is_not_overtaken_and_holds_none_meanwhile(holders):
    one = holders(1)
    assert taken(one) == {0}
    two = holders(3)
    assert waits(two)
    late = holders(1)
    time.sleep(3 * locks.POLL_SECONDS)
    assert two.poll() is late.poll() is None
    one.kill()
    assert taken(two) == {0, 1, 2}
    two.kill()
    assert len(taken(late)) == 1  # the kernel frees a dead process's files one by one, so any of the three


def test_who_is_killed_while_waiting_lets_others_wait(holders):
    one = holders(3)
    assert taken(one) == {0, 1, 2}
    waiting, late = holders(2), holders(2)
    time.sleep(4 * locks.POLL_SECONDS)
    waiting.kill()
    one.kill()
    assert len(taken(late)) == 2


def test_the_folder_is_nobody_elses(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="BOXSUP_LOCKS"):
        locks.lock_gpus(NAMES, 1, tmp_path / "link")


def test_the_folder_is_of_the_user_or_the_environments(monkeypatch, tmp_path):
    monkeypatch.delenv("BOXSUP_LOCKS", raising=False)
    assert locks.lock_folder().parent.as_posix() == "/tmp"
    monkeypatch.setenv("BOXSUP_LOCKS", str(tmp_path))
    assert locks.lock_folder() == tmp_path
