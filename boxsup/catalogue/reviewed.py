"""What a person decided about boxes: the lines of `reviewed.jsonl`, which `boxsup review` writes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.readers.segments import segment
from boxsup.errors import DataError
from boxsup.image.boxes import Corners
from boxsup.store.journal import Entry, Journal

REVIEWED = "reviewed.jsonl"  # in the folder of `boxsup masks`, or of an experiment
# The box has a mask; there is no object; nobody can tell, so nothing is to be learned here.
Verdict = Literal["mask", "nothing", "void"]
BoxKey = tuple[str, str, Corners]  # image id, class name and corners of a box, as they are annotated


@dataclass(frozen=True)
class Decision:
    """A person's word on one box.

    Attributes:
        number: Its own name, by which it can be undone.
        key: The box, as it is annotated.
        verdict: What the person says.
        class_name: The right class.
        box: The right corners.
        runs: The mask as `size` and `counts` of COCO's compressed runs; None unless the verdict is "mask".
        iou: IoU of the mask that had been made with this one; 0 for "nothing", None for "void".
        score: The score that the mask had.
        drawn: Whether the box was shown since it had been drawn at random, and not since its score is low.
    """

    number: str
    key: BoxKey
    verdict: Verdict
    class_name: str
    box: Corners
    runs: Mapping[str, Any] | None
    iou: float | None
    score: float
    drawn: bool

    def pixels(self, height: int, width: int) -> NDArray[np.bool_] | None:
        """The mask, H×W; None if there is none.

        Raises:
            ValueError: It is no mask of an image of this size, or it is not in its box.
        """
        if self.runs is None:
            return None
        pixels = segment(dict(self.runs), height, width)
        x0, y0, x1, y1 = self.box
        if not pixels.any() or pixels[y0:y1, x0:x1].sum() != pixels.sum():
            raise ValueError("a mask is not in its box")
        return pixels

    def entry(self) -> Entry:
        """The line of the journal."""
        image, class_name, box = self.key
        return {
            "decision": self.number,
            "image": image,
            "class": class_name,
            "box": list(box),
            "verdict": self.verdict,
            "to_class": self.class_name,
            "to_box": list(self.box),
            "mask": None if self.runs is None else dict(self.runs),
            "iou": self.iou,
            "score": self.score,
            "drawn": self.drawn,
        }


def undo_entry(number: str) -> Entry:
    """The line that takes a decision back."""
    return {"undo": number}


class Reviewed:
    """The decisions of a journal, as far as they hold.

    Attributes:
        journal: The journal.
    """

    def __init__(self, path: Path) -> None:
        """Read a journal; the file need not be there yet."""
        self.journal = Journal(path)
        self.odd = 0
        self._standing: dict[str, Decision] = {}  # in the order of the lines
        self.refresh()

    def refresh(self) -> list[BoxKey]:
        """Read what was appended since; returns the boxes that it is about, in order."""
        about = []
        for entry in self.journal.news():
            if isinstance(entry.get("undo"), str):
                undone = self._standing.pop(entry["undo"], None)
                about += [undone.key] if undone else []
                continue
            decision = _decision(entry)
            if decision is None:
                self.odd += 1
                continue
            self._standing[decision.number] = decision
            about.append(decision.key)
        return about

    def latest(self) -> dict[BoxKey, Decision]:
        """The last decision on each box that was not undone."""
        return {decision.key: decision for decision in self._standing.values()}

    def standing(self, number: str) -> bool:
        """Whether there is such a decision and nobody took it back."""
        return number in self._standing

    def named(self, number: str) -> Decision:
        """The decision with this number, which stands."""
        return self._standing[number]

    def last(self) -> str | None:
        """The number of the last decision that stands."""
        return next(reversed(self._standing), None)

    def notes(self) -> Iterator[str]:
        """What could not be used of the file, in lines for a person."""
        if self.journal.is_torn():
            yield f"{self.journal.path}: its last line is torn, as after a crash; it is left out"
        if self.journal.unreadable or self.odd:
            lines = ", ".join(map(str, self.journal.unreadable[:5])) or "no"
            count = len(self.journal.unreadable) + self.odd
            yield f"{self.journal.path}: {count} lines are no decisions and are left out (torn: lines {lines})"


def read_reviewed(path: Path) -> Reviewed:
    """Read the journal of decisions, and say what of it cannot be used.

    Raises:
        DataError: There is no such file.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file of decisions; `boxsup review` writes one")
    reviewed = Reviewed(path)
    for note in reviewed.notes():
        print(f"boxsup: {note}", file=sys.stderr)
    return reviewed


def _decision(entry: Entry) -> Decision | None:
    """The decision of a line; None if it is none."""
    try:
        key = (_text(entry["image"]), _text(entry["class"]), _corners(entry["box"]))
        verdict, runs, iou = entry["verdict"], entry["mask"], entry["iou"]
        if verdict not in get_args(Verdict) or (runs is None) != (verdict != "mask"):
            return None
        if runs is not None and not (isinstance(runs, dict) and {"size", "counts"} <= set(runs)):
            return None
        return Decision(
            _text(entry["decision"]),
            key,
            verdict,
            _text(entry["to_class"]),
            _corners(entry["to_box"]),
            runs,
            None if iou is None else float(iou),
            float(entry["score"]),
            bool(entry["drawn"]),
        )
    except (LookupError, TypeError, ValueError, OverflowError):
        return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _corners(value: object) -> Corners:
    if not (isinstance(value, list) and len(value) == 4 and all(type(side) is int for side in value)):
        raise TypeError("not a box")
    x0, y0, x1, y1 = value
    if not (0 <= x0 < x1 and 0 <= y0 < y1):
        raise ValueError("not a box")
    return x0, y0, x1, y1
