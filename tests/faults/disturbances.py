"""What is done to a run, or to its results: each leaves a state that a plain rerun must mend."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from helpers.workflow_runs import TARGET, TINY, command

PATIENCE = 900  # s that a run may take


class LostError(Exception):
    """A round that did not go as promised."""


@dataclass
class Round:
    """A run in a folder of its own, at a moment that is drawn.

    Attributes:
        folder: Where it runs.
        random: What is drawn from.
        logs: How many jobs a whole run has, by their logs.
    """

    folder: Path
    random: np.random.Generator
    logs: int

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Snakemake."""
        return self._start(command(self.folder, *(arguments or (TARGET,)), configs=(TINY,)))

    def _start(self, words: list[str], cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start a process in a group of its own; what it says goes to a file, as a pipe would fill."""
        output = self.folder.with_name(f"{self.folder.name}.txt").open("a")
        return subprocess.Popen(
            words, cwd=cwd, stdout=output, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )

    def wait_for_moment(self, run: subprocess.Popen[str]) -> None:
        """Wait until a job that is drawn has begun, and a little longer; or for the end of the run."""
        jobs, rest = int(self.random.integers(1, self.logs + 1)), self.random.uniform(0, 2)
        deadline = time.monotonic() + PATIENCE
        while run.poll() is None and len(list(self.folder.glob("results/logs/**/*.log"))) < jobs:
            if time.monotonic() > deadline:
                raise LostError("the run hangs")
            time.sleep(0.02)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(rest)

    def finish(self, run: subprocess.Popen[str]) -> int:
        """The exit status of a run."""
        try:
            return run.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            os.killpg(run.pid, signal.SIGKILL)
            raise LostError("the run hangs") from error

    def run(self, *arguments: str) -> int:
        """The exit status of a whole run."""
        return self.finish(self.start(*arguments))

    def type(self, line: str) -> int:
        """The exit status of a command of Snakemake's that a person would type in the folder."""
        return self.finish(self._start([sys.executable, "-m", *shlex.split(line)], self.folder))

    def disturbed(self, act: Callable[[subprocess.Popen[str]], None]) -> int:
        """Start a run, act at the moment, and wait for its end: its exit status."""
        run = self.start()
        self.wait_for_moment(run)
        if run.poll() is None:
            act(run)
        return self.finish(run)

    def wait_for_orphans(self) -> None:
        """Jobs outlive a Snakemake that was killed; they end by themselves."""
        deadline = time.monotonic() + PATIENCE
        while any(self._is_ours(process) for process in psutil.process_iter()):
            if time.monotonic() > deadline:
                raise LostError("an orphaned job does not end")
            time.sleep(0.1)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == self.folder
        except (psutil.Error, OSError):
            return False


def jobs_of(run: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes of `boxsup` below a Snakemake."""
    found = []
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(run.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any("boxsup" in Path(word).name for word in process.cmdline()[:3]):
                    found.append(process)
    return found


def signal_job(number: signal.Signals) -> Callable[[Round], None]:
    def act(run: subprocess.Popen[str], random: np.random.Generator) -> None:
        jobs = jobs_of(run)
        if jobs:
            with contextlib.suppress(psutil.Error):
                jobs[int(random.integers(len(jobs)))].send_signal(number)

    return lambda round_: round_.disturbed(lambda run: act(run, round_.random)) and None


def signal_snakemake(number: signal.Signals) -> Callable[[Round], None]:
    return lambda round_: round_.disturbed(lambda run: os.kill(run.pid, number)) and None


def signal_all(number: signal.Signals) -> Callable[[Round], None]:
    return lambda round_: round_.disturbed(lambda run: os.killpg(run.pid, number)) and None


def orphan_jobs(round_: Round) -> None:
    """Snakemake dies and its jobs do not: half the time they are still at it when the next run begins."""
    round_.disturbed(lambda run: os.kill(run.pid, signal.SIGKILL))
    if round_.random.random() < 0.5:
        round_.wait_for_orphans()


def second_snakemake(round_: Round) -> None:
    """Two at once: the second one stops in a line that says so, the first does not notice."""

    def act(run: subprocess.Popen[str]) -> None:
        status = round_.run()
        if run.poll() is None and status == 0:
            raise LostError("a second Snakemake ran beside the first")

    if round_.disturbed(act) != 0:
        raise LostError("the first of two Snakemakes did not end well")


def damage(change: Callable[[Path, np.random.Generator], None], pattern: str) -> Callable[[Round], None]:
    """Break a finished result; `boxsup check` finds it and no other, and its command mends it."""

    def act(round_: Round) -> None:
        round_.disturbed(lambda run: os.killpg(run.pid, signal.SIGTERM))
        matching = (path for path in round_.folder.glob(pattern) if path.is_file())
        found = sorted(path for path in matching if not path.name.startswith("."))
        if not found:
            return
        file = found[int(round_.random.integers(len(found)))]
        change(file, round_.random)
        artefact = next((parent for parent in file.parents if parent.suffix == ".zarr"), file)
        target = artefact.relative_to(round_.folder).as_posix()
        check = [sys.executable, "-m", "boxsup", "check", "results"]
        said = subprocess.run(check, cwd=round_.folder, capture_output=True, text=True)
        if said.returncode != 1 or {line.split(": ")[0] for line in said.stdout.splitlines()} != {target}:
            raise LostError(f"damage of {file} was not found: {said.stdout}{said.stderr}")
        _unlock(round_)
        mending = re.search(r"snakemake --cores all .+$", said.stderr, re.MULTILINE)[0]
        if round_.type(mending) != 0:
            raise LostError(f"`{mending}` did not end well")

    return act


def flip(file: Path, random: np.random.Generator) -> None:
    content = bytearray(file.read_bytes())
    content[int(random.integers(len(content)))] ^= 1 << int(random.integers(8))
    file.write_bytes(content)


def remove(file: Path, random: np.random.Generator) -> None:
    file.unlink()


def truncate(file: Path, random: np.random.Generator) -> None:
    os.truncate(file, int(random.integers(file.stat().st_size)))


def read_only(round_: Round) -> None:
    """The results can no longer be written to, then they can again."""
    results = round_.folder / "results"

    def act(run: subprocess.Popen[str]) -> None:
        subprocess.run(["mount", "--bind", results, results], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", results], check=True)

    try:
        round_.disturbed(act)
    finally:
        # As often as it is mounted; of a bind mount, `os.path.ismount` does not tell.
        while subprocess.run(["umount", "--lazy", results], capture_output=True).returncode == 0:
            pass


def full_disk(round_: Round) -> None:
    """The disk fills up at some point; then there is room again."""
    size = int(2 ** round_.random.uniform(19, 26))
    whole = round_.folder.with_name("whole")
    round_.folder.rename(whole)
    round_.folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", round_.folder], check=True)
    subprocess.run(["cp", "--archive", f"{whole}/.", round_.folder], check=True)
    used = psutil.disk_usage(str(round_.folder)).used
    subprocess.run(["mount", "-o", f"remount,size={used + size}", round_.folder], check=True)
    round_.run()
    subprocess.run(["mount", "-o", "remount,size=1g", round_.folder], check=True)


def _unlock(round_: Round) -> None:
    if round_.run("--unlock") != 0:
        raise LostError("`snakemake --unlock` did not end well")


CHUNKS, CHECKPOINTS = "results/**/*.zarr/**/c/**/[0-9]*", "results/**/*.pt"
DISTURBANCES: dict[str, Callable[[Round], None]] = {
    "kill -9 a job": signal_job(signal.SIGKILL),
    "kill -9 Snakemake": orphan_jobs,
    "kill -9 both": signal_all(signal.SIGKILL),
    "SIGTERM to a job": signal_job(signal.SIGTERM),
    "SIGTERM to Snakemake": signal_snakemake(signal.SIGTERM),
    "SIGTERM to all": signal_all(signal.SIGTERM),
    "Ctrl-C": signal_all(signal.SIGINT),
    "two Snakemakes": second_snakemake,
    "a flipped bit in a chunk": damage(flip, CHUNKS),
    "a missing chunk": damage(remove, CHUNKS),
    "a truncated checkpoint": damage(truncate, CHECKPOINTS),
}
AS_ROOT: dict[str, Callable[[Round], None]] = {"a read-only folder": read_only, "a full disk": full_disk}
