"""Tells what a run does, why it failed, or what it would do."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from boxsup.running.display import Display, status_of
from boxsup.running.state import Job, RunState
from boxsup.running.words import kind_of_job, span

SHOWN = 6  # lines of the log of a failed job
LOCKED = "another run works in this folder, or one was killed; if none does, `{unlock}` and start again"
# What Snakemake's reasons for a job begin with, the strongest first -> in plain words.
REASONS = {
    "Forced execution": "as you ask",
    "Params have changed": "settings changed",
    "Code has changed": "rules changed",
    "Software environment": "the environment changed",
    "Set of input files": "it reads other files than before",
    "Updated input files": "files that it reads are newer",
    "Incomplete": "it was stopped before its end",
    "Missing output": "not made yet",
    "Input files updated by another job": "what it reads is made anew",
}


class Reporter:
    """Listens to Snakemake: see `boxsup.running.process.Listener`."""

    def __init__(self, state: RunState) -> None:
        """Begin with nothing told.

        Args:
            state: How far the run is; of a dry run, nothing is shown while Snakemake plans.
        """
        self.state = state
        self._usage = False  # whether Snakemake is listing its options
        self._display = Display()
        self._start = time.monotonic()

    def event(self, event: Mapping[str, Any]) -> None:
        """Take an event of Snakemake's."""
        now = time.monotonic()
        known = bool(self.state.planned)
        ended = self.state.take(event, now)
        if self.state.dry:
            return
        if self.state.planned and not known:
            self._display.line(f"{self.state.planned.total()} jobs: {_listed(self.state.planned)}")
        if ended is not None and not ended.failed:
            self._display.ended(ended, self.state, now)

    def text(self, line: str) -> None:
        """Pass a line on that Snakemake wrote by itself, such as an error in a configuration; not all its options."""
        program, mark, error = line.partition(": error: ")
        self._usage = (self._usage or line.startswith("usage: ")) and not mark
        if line.strip() and not self._usage:
            self._display.line(f"snakemake: error: {error}" if program == "__main__.py" else line)

    def tick(self) -> None:
        """Say how far the jobs are."""
        if not self.state.dry:
            self._display.status(status_of(self.state, time.monotonic()))

    def close(self) -> None:
        """End what is shown."""
        self._display.close()

    def took(self) -> str:
        """The time since the start, in words."""
        return span(time.monotonic() - self._start)

    def show_failures(self) -> list[str]:
        """Show the end of the log of each failed job; returns the paths of the logs."""
        logs = []
        for job in _different(self.state.failed):
            self._display.line(f"\n{job.doing}: failed" + (f"; its log, {job.logs[0]}, ends:" if job.logs else ""))
            logs += job.logs[:1]
            for line in job.log().strip().splitlines()[-SHOWN:]:
                self._display.line(f"  | {line}")
        return logs


def plan_of(state: RunState, targets: Sequence[str]) -> list[str]:
    """Lines about what would run, and why."""
    if not state.jobs:
        return [f"nothing to do: {', '.join(targets)} is made already"]
    jobs: dict[str, list[int]] = {}
    for index, job in enumerate(state.jobs):
        jobs.setdefault(job.rule, []).append(index)
    width = max(len(kind_of_job(rule)) for rule in jobs)
    lines = [f"would run {len(state.jobs)} jobs for {', '.join(targets)}", ""]
    for rule in sorted(jobs, key=lambda rule: list(state.planned).index(rule) if rule in state.planned else 0):
        reason = strongest_reason(state.reasons[index] for index in jobs[rule])
        lines.append(f"  {len(jobs[rule]):5,}  {kind_of_job(rule):{width}}  {reason}")
    left = state.time_left(0.0)
    basis = "as far as earlier runs tell" if state.seen_before else "which is a guess"
    took = f"about {span(left.seconds)}, {basis}" if left.known else "not known before a first run"
    return [*lines, "", f"time: {took}"]


def strongest_reason(reasons: Iterable[str]) -> str:
    """What makes jobs run, in plain words.

    >>> strongest_reason(["Missing output files: a.csv; Input files updated by another job: b.csv", ""])
    'not made yet'
    """
    whole = list(reasons)
    for start, words in REASONS.items():
        if any(start in reason for reason in whole):
            return words
    return next(filter(None, whole), "")


def explained(errors: Sequence[str], unlock: str) -> list[str]:
    """Snakemake's errors; that of a locked folder in our words, with the command that unlocks it."""
    if any("cannot be locked" in error for error in errors):
        return [LOCKED.format(unlock=unlock)]
    return [line for error in errors for line in error.splitlines() if line.strip()]


def print_plan(state: RunState, targets: Sequence[str]) -> None:
    """Print what would run."""
    print("\n".join(plan_of(state, targets)), file=sys.stdout, flush=True)


def _listed(planned: Mapping[str, int]) -> str:
    return ", ".join(f"{kind_of_job(rule)}{f' ×{count}' if count > 1 else ''}" for rule, count in planned.items())


def _different(jobs: Iterable[Job]) -> list[Job]:
    """Jobs without those that occur again."""
    return list({tuple(job.logs) or (job.rule,): job for job in reversed(list(jobs))}.values())[::-1]
