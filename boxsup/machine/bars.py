"""Bars of progress: drawn on a terminal; where there is none, a line in the log now and then."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tqdm import tqdm as _tqdm

FIRST, LAST = 5.0, 30.0  # s between lines, at the start and after some minutes
SHARE = 0.1  # of the time that has passed: what lies between two lines, within these bounds
LINE = re.compile(
    r"^(?P<title>[^:\r\n]+): (?:batch )?(?P<done>\d+(?:,\d{3})*) of (?P<total>\d+(?:,\d{3})*)(?P<rest>.*)$",
    re.MULTILINE,
)
PLURALS = {"B": "B", "box": "boxes", "batch": "batches"}  # others get an s


class tqdm(_tqdm):  # type: ignore[type-arg]
    """tqdm's bar, which also says in a log how far it is, if it was made with `disable=None`.

    A log of a run of two hours gets some 250 lines, such as `proposals: 31 of 50 images`.
    """

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
            print(f"{self._title}: {self.n:,} of {self.total:,} {self._units}", file=sys.stderr, flush=True)
        return None


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
