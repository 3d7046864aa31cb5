"""Stages of a workflow, each by a fork of one process that has imported what they need: imports take a stage seconds.

Bash calls `boxsup` through an exported function, which a job's shell inherits. What a stage is given, does and says is
what it is in a new process, but it doesn't end with the shell that called it: tests that kill use new processes.
"""

from __future__ import annotations

import gc
import importlib
import json
import multiprocessing.util
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from helpers.paths import ROOT

LATE = (
    "boxsup.contours.inference",
    "boxsup.image.runs",
    "boxsup.inference.scores",
    "boxsup.objects.training",
    "boxsup.proposals.mcg",
    "boxsup.training.epoch",
    "torch._dynamo",  # which torch's optimizers import
)
CALL = Path(__file__).with_name("call_stage.py")


class Stages:
    """The process, which ends with the one that started it.

    Attributes:
        environment: The variables with which Bash calls it.
    """

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
        self._folder = TemporaryDirectory()
        address = Path(self._folder.name) / "socket"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "helpers.stages", str(address)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline()  # it listens
        call = f'() {{ {sys.executable} -I -S {CALL} {address} "$@"\n}}'
        self.environment: Mapping[str, str] = {"BASH_FUNC_boxsup%%": call}

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._folder.cleanup()


def _serve(address: str) -> None:
    """Fork for each call; returns in the forks, as what was called."""
    import boxsup.__main__

    _import_all()
    gc.freeze()  # forks share what they do not look through
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks are not waited for here
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(64)
        print("listening", flush=True)
        while True:
            if sys.stdin in select.select([server, sys.stdin], [], [])[0]:
                sys.exit()  # the end of stdin: the process that started this one has ended
            caller, _ = server.accept()
            if os.fork():
                caller.close()
                continue
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            told, streams, *_ = socket.recv_fds(caller, 2**20, 3)
            while not told.endswith(b"\n"):
                told += caller.recv(2**20)
            if child := os.fork():
                caller.sendall(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
                os._exit(0)
            break
    caller.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    words, folder, environment = json.loads(told)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["boxsup", *words]
    sys.modules["__main__"] = ModuleType("__main__")  # worker processes import nothing of this module
    importlib.import_module("boxsup.machine.environment").set_environment()
    status = 0
    try:
        boxsup.__main__.main()
    except SystemExit as ended:
        status = int(ended.code or 0)
    multiprocessing.util._exit_function()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # without clearing away a hundred thousand objects


def _import_all() -> None:
    """Import the stages of a workflow, and what they import late."""
    from boxsup.stages import COMMANDS

    for stage in COMMANDS.values():
        if stage.logs:
            importlib.import_module(stage.module)
    for late in LATE:
        importlib.import_module(late)


if __name__ == "__main__":
    _serve(sys.argv[1])
