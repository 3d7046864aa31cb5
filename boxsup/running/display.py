"""Shows how a run fares: a line that changes on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time

from boxsup.running.state import Job, RunState
from boxsup.running.words import said_at_end, span

PATIENCE = 30.0  # s without a line before one says how far the run is, where there is no terminal


class Display:
    """Writes to standard error."""

    def __init__(self) -> None:
        """Find out whether there is a terminal."""
        self._terminal = sys.stderr.isatty()
        self._status = ""  # what the line shows that changes
        self._last = time.monotonic()  # when the last line was written

    def line(self, text: str) -> None:
        """Write a line that stays."""
        self._clear()
        self._write(f"{text}\n")
        self._last = time.monotonic()

    def status(self, text: str) -> None:
        """Show how far the run is."""
        if not self._terminal:
            if text and text != self._status and time.monotonic() - self._last >= PATIENCE:
                self.line(_stamped(text))
                self._status = text
            return
        text = _fitting(text, shutil.get_terminal_size().columns - 1)
        if text != self._status:
            self._clear()
            self._write(text)
            self._status = text

    def ended(self, job: Job, state: RunState, now: float) -> None:
        """Write that a job is done, and what it says of its result."""
        said = said_at_end(job.rule, job.log())
        done, total = state.counts
        what = ", ".join(filter(None, [said, span(now - job.start)]))
        self.line(_stamped(f"{done} of {total}  {job.doing}: {what}"))

    def close(self) -> None:
        """Leave an empty line."""
        self._clear()

    def _clear(self) -> None:
        if self._terminal and self._status:
            self._write("\r\x1b[2K")
            self._status = ""

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone; the run goes on
            sys.stderr.write(text)
            sys.stderr.flush()


def status_of(state: RunState, now: float) -> str:
    """How far a run is, in one line; "" before it has begun."""
    done, total = state.counts
    if not total:
        return ""
    parts = [_running(state)] if state.running else []
    left = state.time_left(now)
    if left.known and left.seconds:
        parts.append(f"about {span(left.seconds)} left")
    elif left.seconds >= 60:
        parts.append(f"at least {span(left.seconds)} left")
    return " · ".join([*parts, f"{done} of {total} jobs"])


def _running(state: RunState) -> str:
    """What runs: the job that says how far it is, if there is one, and how many others."""
    jobs = list(state.running.values())
    found = [(job, job.reached()) for job in jobs]
    job, far = next(((job, far) for job, far in found if far), found[0])
    text = f"{job.doing}: {far.done:,} of {far.total:,}{_unit(job, far.rest)}" if far else job.doing
    return f"{text} (and {len(jobs) - 1} more)" if len(jobs) > 1 else text


def _unit(job: Job, rest: str) -> str:
    return f" batches{rest}" if job.rule == "epoch" else rest


def _stamped(text: str) -> str:
    return f"{time.strftime('%H:%M:%S')}  {text}"


def _fitting(text: str, width: int) -> str:
    """A text in so many columns, with an ellipsis in place of what does not fit."""
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"
