import ast
import importlib
import inspect
import os
import shlex
import signal
import subprocess
import sys

import pytest

from boxsup.cli import main
from boxsup.commands.parser import OWN_KEYS, make_parser
from boxsup.stages import COMMANDS
from helpers.paths import ROOT


@pytest.fixture(scope="module")
def commands():
    """The parsers of all commands."""
    return make_parser(list(COMMANDS))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example_that_parses(command, commands):
    parser, stages = commands
    module = importlib.import_module(COMMANDS[command].module)
    words = shlex.split(module.EXAMPLE.partition(" > ")[0])
    assert words[0] == "boxsup"
    assert words[1 : 1 + len(command.split())] == command.split()
    assert parser.parse_args(words[1:]).run == module.run
    text = stages[command].format_help()
    assert module.EXAMPLE in text
    assert "exit status: 0" in text
    assert {"--quiet", "--verbose"} <= set(text.replace("]", " ").split())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_takes_the_arguments_that_its_parser_declares(command, commands):
    _, stages = commands
    module = importlib.import_module(COMMANDS[command].module)
    declared = {action.dest for action in stages[command]._actions} - {"help", *OWN_KEYS}
    parameters = inspect.signature(module.run).parameters.values()
    assert {parameter.name for parameter in parameters} == declared
    assert all(parameter.kind == parameter.KEYWORD_ONLY for parameter in parameters)
    assert module.__doc__.startswith(f"`boxsup {command}`: ")


def test_help_is_printed(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["check", "--help"])
    assert "example:\n  boxsup check results" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predcit"], "boxsup: error: there is no command 'predcit'; did you mean predict?; see `boxsup --help`"),
        (["check", "results", "--quite"], "boxsup check: error: unknown argument --quite; did you mean --quiet?"),
        (["check", "a", "--format=x"], "boxsup check: error: unknown argument --format=x; see `boxsup check --help`"),
        (["proposals", "draw"], "argument ACTION: invalid choice: 'draw' (choose from"),
        (["proposals"], "boxsup proposals: error: the following arguments are required: ACTION"),
        (["check"], "boxsup check: error: the following arguments are required: PATH"),
        (["check", "results", "--quiet", "--verbose"], "not allowed with argument --quiet"),
        (["inventory", "--workers", "0"], "argument --workers: expected a whole number from 1 on, got '0'"),
        (["init", "mine", "--epochs", "1000"], "argument --epochs: expected a whole number from 1 to 999, got '1000'"),
        (
            ["review", "masks", "--port", "70000"],
            "argument --port: expected a whole number from 0 to 65535, got '70000'",
        ),
        (["network", "--seed", "-1"], "argument --seed: expected a whole number from 0 on, got '-1'"),
        (["epoch", "--epoch", "0"], "argument --epoch: expected a whole number from 1 on, got '0'"),
        (["init", "mine", "--workers", "-1"], "argument --workers: expected a whole number from 1 on, got '-1'"),
        ([], "the following arguments are required: COMMAND"),
        (["proposals", "--quiet", "make"], "boxsup: error: expected the command before its options"),
    ],
)
def test_a_wrong_argument_is_one_line_that_says_what_is_right_and_status_2(capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


SHAPES = ["shapes", "--settings", '{"seed": 0, "side": 64, "train": 1, "val": 1, "masks": 1}', "--classes", '["ring"]']


def test_quiet_says_nothing_but_errors(tmp_path, capsys):
    main([*SHAPES, "--out", str(tmp_path / "tree"), "--quiet"])
    assert capsys.readouterr() == ("", "")
    with pytest.raises(SystemExit, match="1"):
        main(["check", str(tmp_path / "nowhere"), "--quiet"])
    assert capsys.readouterr().err == f"boxsup: error: {tmp_path}/nowhere: no such file or folder\n"


def test_verbose_says_what_runs_what_it_took_and_where_errors_arise(tmp_path, capsys):
    main([*SHAPES, "--out", str(tmp_path / "tree"), "--verbose"])
    errors = capsys.readouterr().err
    assert f"boxsup: out = {tmp_path}/tree\n" in errors
    assert "MiB of memory" in errors
    with pytest.raises(SystemExit, match="1"):
        main(["check", str(tmp_path / "nowhere"), "--verbose"])
    assert "Traceback" in capsys.readouterr().err


def test_bars_are_drawn_on_terminals_only():
    """Every bar is made with `disable=None`, by which tqdm asks whether there is a terminal."""
    bars = []
    for path in (ROOT / "boxsup").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tqdm":
                own = [word.value for word in node.keywords if word.arg == "disable"]
                bars.append((path.name, len(own) == 1 and isinstance(own[0], ast.Constant) and own[0].value is None))
    assert len(bars) > 10
    assert [name for name, asks in bars if not asks] == []


def test_bars_are_those_that_write_lines_in_logs():
    """Ours, but where a module writes lines of its own beside a bar."""
    own = [path.name for path in (ROOT / "boxsup").rglob("*.py") if "\nfrom tqdm import tqdm\n" in path.read_text()]
    assert sorted(own) == ["progress.py"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_shells_complete_every_command(shell, capsys, tmp_path):
    pytest.importorskip("shtab")
    main(["completion", shell])
    script = capsys.readouterr().out
    assert all(name.split()[-1] in script for name in COMMANDS)
    assert "scales" in script
    if shell == "bash":
        (tmp_path / "script").write_text(script)
        subprocess.run(["bash", "-n", str(tmp_path / "script")], check=True)
        ask = (
            f"source {tmp_path}/script; COMP_WORDS=(boxsup predi); COMP_CWORD=1; _shtab_boxsup; echo ${{COMPREPLY[@]}}"
        )
        found = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout
        assert set(found.split()) == {"predict", "predictions"}


def test_what_completion_needs_is_said(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="1"):
        main(["completion", "bash"])
    assert "needs shtab: pip install shtab" in capsys.readouterr().err


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
    "objects",
    "overlaps",
    "fixed-masks",
    "label-quality",
    "report",
]


@pytest.mark.slow
def test_stages_without_a_network_do_not_import_torch():
    modules = [COMMANDS[command].module for command in WITHOUT_NETWORK]
    code = f"import sys, importlib\nfor module in {modules}:\n    importlib.import_module(module)\n"
    code += "    assert 'torch' not in sys.modules, module"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_a_users_mistake_is_one_line_and_status_1(tmp_path):
    arguments = ["overlaps", "--catalogue", "nowhere", "--proposals", "nothing", "--out", str(tmp_path / "out")]
    result = subprocess.run([sys.executable, "-m", "boxsup", *arguments], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("boxsup: error: nowhere/images.csv: no such table")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


FAILING = """
import errno, threading
import boxsup.commands.overlaps as overlaps
from boxsup.cli import main

def fail(**arguments):
    error = OSError(errno.ENOSPC, "no room", b"results/events")
    def write():
        raise error
    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    raise error

overlaps.run = fail
main(["overlaps", "--catalogue", "x", "--proposals", "x", "--out", "x"])
"""


@pytest.mark.slow
def test_a_full_disk_that_a_thread_meets_too_is_one_line():
    result = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("boxsup: error: results/events: No space left on device")
    assert result.stderr.count("\n") == 1


def test_ctrl_c_while_a_stage_is_imported_is_quiet(tmp_path):
    # A shell's background job ignores SIGINT, and so would the processes that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
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
