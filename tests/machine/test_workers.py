import operator
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from boxsup.errors import BoxSupError, DataError
from boxsup.machine.workers import AHEAD, map_batches, map_in_processes, prefetch
from helpers.paths import ROOT
from helpers.processes import ended


def late(seconds):
    time.sleep(seconds)
    return seconds


def refuse():
    raise DataError("a.png: no such image")


def test_results_come_in_the_order_of_the_calls():
    delays = [0.2, 0.0, 0.1, 0.0]
    assert list(map_in_processes(late, ((seconds,) for seconds in delays), 2)) == delays


def test_calls_are_taken_as_they_are_needed():
    taken = []
    calls = ((taken.append(number) or number, 1) for number in range(20))
    results = map_in_processes(operator.add, calls, 1)
    assert next(results) == 1
    assert len(taken) == AHEAD
    assert list(results) == list(range(2, 21))


def test_errors_for_people_come_through():
    with pytest.raises(DataError, match=r"a\.png: no such image"):
        list(map_in_processes(refuse, [()], 1))


def test_a_worker_that_is_ended_from_outside_is_said_to_be():
    with pytest.raises(BoxSupError, match="a worker process was ended from outside"):
        list(map_in_processes(os._exit, [(9,)], 1))


def pool_in(folder, script, **variables):
    """Run a script in a folder that says which boxsup its worker has imported, and that no terminal ends it."""
    code = "import sys\nsys.path.insert(0, sys.argv[1])\n"
    code += "from boxsup.machine.stopping import stop_at_signals\nfrom helpers.processes import worker_facts\n"
    code += "from boxsup.machine.workers import map_in_processes\nif __name__ == '__main__':\n"
    code += "    stop_at_signals()\n    for facts in map_in_processes(worker_facts, [()], 1, module='boxsup.near'):\n"
    code += "        print(*facts, flush=True)\n        sys.stdin.read()"
    script.parent.mkdir()  # a folder of its own, where Python looks for modules first
    script.write_text(code)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"} | variables
    words = [sys.executable, str(script), str(ROOT / "tests")]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.slow
def test_workers_import_what_their_parent_does_and_not_what_lies_in_the_current_folder(tmp_path):
    (tmp_path / "here" / "boxsup").mkdir(parents=True)
    (tmp_path / "here" / "boxsup" / "__init__.py").touch()
    (tmp_path / "here" / "statistics.py").write_text("print('run')\n")  # which worker processes import of Python's
    with pool_in(tmp_path / "here", tmp_path / "elsewhere" / "script.py") as run:
        assert run.communicate(timeout=120) == (f"{ROOT / 'boxsup' / '__init__.py'} SIGHUP SIGINT\n", "")


@pytest.mark.slow
def test_a_temporary_folder_may_have_a_path_that_is_too_long_for_a_socket(tmp_path):
    folder = tmp_path / ("x" * 110)
    folder.mkdir()
    with pool_in(tmp_path, tmp_path / "elsewhere" / "script.py", TMPDIR=str(folder)) as run:
        assert run.communicate(timeout=120) == (f"{ROOT / 'boxsup' / '__init__.py'} SIGHUP SIGINT\n", "")


@pytest.mark.slow
def test_who_is_stopped_leaves_nothing_in_the_temporary_folder(tmp_path):
    script = tmp_path / "elsewhere" / "script.py"
    with TemporaryDirectory(dir="/tmp") as folder, pool_in("/", script, TMPDIR=folder) as run:
        assert run.stdout.readline()
        run.terminate()
        assert run.wait(timeout=60) == 128 + signal.SIGTERM
        assert not os.listdir(folder)


def test_workers_end_with_a_process_that_is_killed(tmp_path):
    code = "import sys\nsys.path.insert(0, sys.argv[1])\n"
    code += "from helpers.processes import stay\nfrom boxsup.machine.workers import map_in_processes\n"
    code += f"if __name__ == '__main__': list(map_in_processes(stay, [({str(tmp_path)!r},)] * 2, 2))"
    with subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parents[1])]) as run:
        while len(list(tmp_path.iterdir())) < 2:
            assert run.poll() is None
            time.sleep(0.05)
        workers = [psutil.Process(int(worker.name)) for worker in tmp_path.iterdir()]
        run.kill()
    assert all(map(ended, workers))


def test_items_are_made_ahead_but_few_of_them():
    made = []
    items = prefetch((made.append(number) or number for number in range(20)), 3)
    assert next(items) == 0
    while len(made) < 4:  # the one handed out, and three that wait
        time.sleep(0.01)
    time.sleep(0.1)
    assert made == [0, 1, 2, 3]
    assert list(items) == list(range(1, 20))


def test_who_needs_no_more_items_waits_for_none():
    made = []
    items = prefetch(made.append(number) or number for number in range(20))
    next(items)
    items.close()
    count = len(made)
    time.sleep(0.1)
    assert len(made) == count <= 1 + AHEAD


def test_what_goes_wrong_ahead_is_said_in_its_turn():
    items = prefetch(1 // number for number in (1, 1, 0, 1))
    assert [next(items), next(items)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(items)


def opened():
    return os.getpid()


def who(pid, batch):
    return pid == os.getpid(), batch


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_come_in_order_to_processes_that_have_opened_what_they_need(workers):
    results = list(map_batches(who, opened, range(5), 2, workers))
    assert results == [(True, [0, 1]), (True, [2, 3]), (True, [4])]


def test_what_cannot_be_opened_is_said_by_its_own_error():
    with pytest.raises(DataError, match=r"a\.png: no such image"):
        list(map_batches(who, refuse, range(5), 2, 2))
