import importlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from boxsup.cli import COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    module = importlib.import_module(COMMANDS[command][0])
    assert callable(module.run)
    result = subprocess.run(
        [sys.executable, "-m", "boxsup", *command.split(), "--help"], capture_output=True, text=True
    )
    assert result.returncode == 0
    assert "--" in result.stdout


def test_the_list_of_commands_needs_no_torch():
    code = "import sys; from boxsup.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "assert 'torch' not in sys.modules and 'zarr' not in sys.modules, 'slow to start'"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert all(command.split()[0] in result.stdout for command in COMMANDS)


WITHOUT_NETWORK = [
    "shapes",
    "catalogue",
    "join",
    "proposals make",
    "proposals evaluate",
    "proposals report",
    "contours train",
    "contours evaluate",
    "overlaps",
]


@pytest.mark.parametrize("command", [*WITHOUT_NETWORK, "overlaps", "fixed-masks", "label-quality", "report"])
def test_stages_without_a_network_do_not_import_torch(command):
    code = (
        f"import sys, importlib; importlib.import_module({COMMANDS[command][0]!r}); assert 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_users_mistake_is_one_line_and_status_1(tmp_path):
    arguments = ["overlaps", "--catalogue", "nowhere", "--proposals", "nothing", "--out", str(tmp_path / "out")]
    result = subprocess.run([sys.executable, "-m", "boxsup", *arguments], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("boxsup: error: nowhere/images.csv: no such table")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_stage_takes_back_what_is_half_written(tmp_path, stop):
    # A shell's background job ignores SIGINT, and so would the processes that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    shapes = json.dumps({"seed": 0, "side": 160, "train": 5000, "val": 1, "masks": 1})
    arguments = ["--settings", shapes, "--classes", '["ring", "star"]', "--out", str(tmp_path / "tree")]
    with subprocess.Popen([sys.executable, "-m", "boxsup", "shapes", *arguments], stderr=subprocess.PIPE) as stage:
        while not list(tmp_path.rglob("*.jpg")):
            assert stage.poll() is None
            time.sleep(0.05)
        stage.send_signal(stop)
        _, errors = stage.communicate(timeout=60)
    assert stage.returncode == 128 + stop
    assert b"Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_a_stage_is_imported_is_quiet(tmp_path):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as above
    # A module in front of the real one that waits stands for an import that takes long.
    (tmp_path / "zarr.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    run = [sys.executable, "-m", "boxsup", "overlaps", "--catalogue", "x", "--proposals", "x", "--out", "x"]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        run, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as stage:
        assert stage.stdout.readline() == "importing\n"
        stage.send_signal(signal.SIGINT)
        _, errors = stage.communicate(timeout=60)
    assert (stage.returncode, errors) == (128 + signal.SIGINT, "")
