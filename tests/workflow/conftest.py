"""Snakemake, run as a user runs it, in a folder of its own on the demo at its smallest."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.planner import Planner
from helpers.stages import Stages
from helpers.workflow_runs import TARGET, TINY, command

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def planner() -> Iterator[Planner]:
    """A process that makes plans."""
    planner = Planner()
    yield planner
    planner.close()


@pytest.fixture(scope="session")
def stages() -> Iterator[Stages]:
    """A process that runs the stages of workflows."""
    stages = Stages()
    yield stages
    stages.close()


@pytest.fixture(scope="session")
def snakemake(planner: Planner, stages: Stages) -> Run:
    """Run Snakemake in a folder; fails the test with the whole output unless it ends as expected.

    Its jobs are forks of one process, unless `forks` is false: then each starts anew, as with a user.
    """

    def run(directory: Path, *arguments: str, configs: tuple[Path, ...] = (TINY,), status: int = 0, forks: bool = True):
        words = command(directory, *arguments, configs=configs)
        if "--dry-run" in arguments:
            result = planner.run(words)
        else:
            environment = os.environ | (stages.environment if forks else {})
            result = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert result.returncode == status, result.stdout
        return result

    return run


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, snakemake: Run) -> Path:
    """A folder in which the tiny demo has been run to its report; tests must not change what is in it.

    Processes that share the tests share the folder, too: the first one fills it.
    """
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    directory = place / "demo"
    with (place / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / TARGET).exists():
            directory.mkdir(exist_ok=True)
            snakemake(directory, TARGET)
    return directory
