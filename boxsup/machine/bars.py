"""Bars of progress: drawn on a terminal; where there is none, a line in the log now and then."""

from __future__ import annotations

import re
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tqdm import tqdm as _tqdm

FIRST, LAST = 5.0, 30.0  # s between lines, at the start and after some minutes
RECENT = 50  # steps whose mean loss is shown
SHARE = 0.1  # of the time that has passed: what lies between two lines, within these bounds
LINE = re.compile(
    r"^(?P<title>[^:\r\n]+): (?:batch )?(?P<done>\d+(?:,\d{3})*) of (?P<total>\d+(?:,\d{3})*)(?P<rest>.*)$",
    re.MULTILINE,
)
PLURALS = {"B": "B", "box": "boxes", "batch": "batches"}  # others get an s


class tqdm(_tqdm):  # type: ignore[type-arg]
    """tqdm's bar, which also says in a log how far it is, if it was made with `disable=None`.

    A log of a run of two hours gets some 250 lines, such as `proposals: 31 of 50 images`; what is set beside the bar
    (`set_postfix_str`) follows.
    """

    postfix: str | None = None  # tqdm sets none where it draws no bar

    def __init__(
        self,
        iterable: Iterable[Any] | None = None,
        desc: str | None = None,
        total: float | None = None,
        **options: Any,  # noqa: ANN401 - tqdm's
    ) -> None:
        """Take tqdm's arguments."""
        super().__init__(iterable, desc, total, **options)
        self._logs = bool(self.disable) and options.get("disable", False) is None
        unit = options.get("unit", "step")
        self._title = desc or "progress"
        self._units = PLURALS.get(unit, f"{unit}s")
        self._start = time.monotonic()
        self._said = 0.0  # s after the start; 0: nothing yet

    def __iter__(self) -> Iterator[Any]:
        if not self._logs:
            yield from super().__iter__()
            return
        for item in self.iterable:
            yield item
            self.update()

    def update(self, n: float | None = 1) -> bool | None:
        """Count `n` more."""
        if not self._logs:
            return super().update(n)
        self.n += n or 0
        passed = time.monotonic() - self._start
        ended = bool(self._said) and self.n == self.total
        if self.total and (ended or passed - self._said >= min(max(FIRST, SHARE * passed), LAST)):
            self._said = passed
            beside = f", {self.postfix}" if self.postfix else ""
            print(f"{self._title}: {self.n:,} of {self.total:,} {self._units}{beside}", file=sys.stderr, flush=True)
        return None


class LossBar:
    """A bar of the steps of a training, with the mean loss of the last RECENT of them."""

    def __init__(self, title: str) -> None:
        """Start with no step; `title` is what the bar and the lines of a log begin with."""
        self._bar = tqdm(desc=title, unit="step", disable=None)
        self._losses: deque[float] = deque(maxlen=RECENT)

    def __enter__(self) -> LossBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def step(self, step: int, steps: int, loss: float) -> None:
        """Show that a step is done.

        Args:
            step: Its number, from 1.
            steps: How many there are.
            loss: Its loss.
        """
        self._losses.append(loss)
        self._bar.total = steps
        self._bar.set_postfix_str(f"loss {sum(self._losses) / len(self._losses):.3f}", refresh=False)
        self._bar.update(step - self._bar.n)


class Reached(NamedTuple):
    """How far the job is that writes a log.

    Attributes:
        title: What it counts for, as the log names it.
        done: How many are done.
        total: Of how many.
        rest: What the line says beyond that, such as ` images` or `, loss 0.412, 7.1 images/s`.
    """

    title: str
    done: int
    total: int
    rest: str


def reached(text: str) -> Reached | None:
    r"""The last line of progress in the end of a log; None if there is none.

    >>> reached("proposals: 25 of 50 images\nproposals: 31 of 50 images\n")
    Reached(title='proposals', done=31, total=50, rest=' images')
    >>> reached("epoch 3: batch 40 of 1,000, loss 0.412, 7.1 images/s")
    Reached(title='epoch 3', done=40, total=1000, rest=', loss 0.412, 7.1 images/s')
    """
    lines = list(LINE.finditer(text))
    if not lines:
        return None
    found = lines[-1]
    done, total = (int(found[name].replace(",", "")) for name in ("done", "total"))
    return Reached(found["title"], done, total, found["rest"])
