"""How the workflow's tests call Snakemake and read its plans."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from helpers.paths import ROOT

TINY = ROOT / "tests" / "workflow" / "tiny.yaml"
TARGET = "results/demo_semi/report.html"
RUN = "demo_semi/seed-0"


def command(directory: Path, *arguments: str, configs: tuple[Path, ...] = (TINY,)) -> list[str]:
    """The command line of one run."""
    own = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(directory)]
    files = [str(path) for path in (ROOT / "config.yaml", *configs)]
    return [*own, "--configfile", *files, "--cores", "2", *arguments]


def copy_of(run: Path, directory: Path) -> Path:
    """Copy a run's folder, in which dry runs of other tests may write and rename hidden files meanwhile."""
    shutil.copytree(run, directory, symlinks=True, ignore=shutil.ignore_patterns("*.partial", "*.old"))
    return directory


def planned(output: str) -> dict[str, set[str]]:
    """What a dry run would do: rule -> the first output of each of its jobs, without `results/`."""
    jobs: dict[str, set[str]] = {}
    for rule, first in re.findall(r"^rule (\w+):\n(?:    .*\n)*?    output: results/([^,\n]+)", output, re.MULTILINE):
        jobs.setdefault(rule, set()).add(first)
    return jobs


def contents(directory: Path) -> dict[str, bytes]:
    """Everything that must be the same in every run, by path."""
    run = directory / "results" / RUN
    patterns = ("objects/**/*", "labels/**/*", "epochs/*/*.pt", "predictions/**/*")
    files = [path for pattern in patterns for path in run.glob(pattern)]
    tables = [*run.glob("**/*.csv"), *directory.glob("results/data/demo/*/*.csv")]
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in files + tables
        if path.is_file() and path.name != ".snakemake_timestamp"
    }


def kill_at(moment: Path, arguments: list[str]) -> None:
    """Start a run and kill -9 it with all its jobs as soon as a file is there."""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as run:
        deadline = time.monotonic() + 600
        while not moment.exists():
            assert run.poll() is None, run.stdout.read().decode()
            assert time.monotonic() < deadline, f"{moment} did not come"
            time.sleep(0.02)
        time.sleep(0.5)
        os.killpg(run.pid, signal.SIGKILL)
