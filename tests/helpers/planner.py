"""Snakemake's plans, each by a fork of one process that has imported Snakemake: a new one takes a second to do so.

A plan that forks has, as one in a new process, nothing of the plans before it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

from helpers.paths import ROOT


class Planner:
    """The process, and how plans are asked of it; it ends with the one that started it."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "helpers.planner"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command: list[str], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """What `python -m snakemake …` does in a folder: its exit status, and both streams as one."""
        with TemporaryFile("w+") as output:
            told = {"command": command, "cwd": str(cwd), "output": f"/proc/{os.getpid()}/fd/{output.fileno()}"}
            print(json.dumps(told), file=self._process.stdin, flush=True)
            status = int(self._process.stdout.readline())
            return subprocess.CompletedProcess(command, status, output.read())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _serve() -> None:
    from snakemake.cli import get_argument_parser, main

    import boxsup.catalogue.changes
    import boxsup.experiments.paper
    import boxsup.inference.labelling  # noqa: F401  (what takes time of what the rules import)

    get_argument_parser()  # imports the plugins

    for line in sys.stdin:
        told = json.loads(line)
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        stream = os.open(told["output"], os.O_WRONLY)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        os.chdir(told["cwd"])
        sys.argv = told["command"][2:]  # as of a Python that runs a module
        main(sys.argv[1:])


if __name__ == "__main__":
    _serve()
