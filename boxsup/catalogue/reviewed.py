"""What a person decided about boxes: the lines of `reviewed.jsonl`, which `boxsup review` writes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class BoxKey:
    """What the decision on a box is known by: the box, as it is annotated.

    Attributes:
        image: Id of its image.
        class_name: Its class.
        corners: Half-open pixel corners x0, y0, x1, y1.
        nth: Its place, from 0, among the boxes of the image that have its class and its corners, in the order of the
            annotation: duplicates are different boxes.
        of: How many boxes of the image have its class and its corners; 0 if nobody knows. Two keys are equal without
            regard to it.
    """

    image: str
    class_name: str
    corners: Corners
    nth: int = 0
    of: int = field(default=0, compare=False)


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

    def is_on(self, key: BoxKey) -> bool:
        """Whether this is about a box that is there now.

        If duplicates were removed since, or added, nobody can tell which of them was meant: "nothing" on a duplicate
        that is gone must not delete the object that is left.
        """
        return self.key == key and self.key.of in (0, key.of)

    def pixels(self, height: int, width: int) -> NDArray[np.bool_] | None:
        """The mask, H×W; None if there is none.

        Raises:
            ValueError: It is no mask of an image of this size, or it is not in its box, or this leaves the image.
        """
        x0, y0, x1, y1 = self.box
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise ValueError("a box leaves the image")
        if self.runs is None:
            return None
        pixels = segment(dict(self.runs), height, width)
        if not pixels.any() or pixels[y0:y1, x0:x1].sum() != pixels.sum():
            raise ValueError("a mask is not in its box")
        return pixels

    def entry(self) -> Entry:
        """The line of the journal."""
        key = self.key
        return {
            "decision": self.number,
            "image": key.image,
            "class": key.class_name,
            "box": list(key.corners),
            **({"nth": key.nth} if key.nth else {}),
            **({"of": key.of} if key.of > 1 else {}),
            "verdict": self.verdict,
            "to_class": self.class_name,
            "to_box": list(self.box),
            "mask": None if self.runs is None else dict(self.runs),
            "iou": self.iou,
            "score": self.score,
            "drawn": self.drawn,
        }


def box_keys(image: str, boxes: Iterable[tuple[str, Corners]]) -> list[BoxKey]:
    """The keys of the boxes of an image.

    >>> corners = (0, 0, 2, 2)
    >>> [(key.nth, key.of) for key in box_keys("a", [("cat", corners), ("dog", corners), ("cat", corners)])]
    [(0, 2), (0, 1), (1, 2)]

    Args:
        image: Its id.
        boxes: Class name and corners of all of its boxes, in the order of the annotation.
    """
    boxes = list(boxes)
    counts, seen, keys = Counter(boxes), Counter[tuple[str, Corners]](), list[BoxKey]()
    for box in boxes:
        keys.append(BoxKey(image, *box, seen[box], counts[box]))
        seen[box] += 1
    return keys


def decision_on(key: BoxKey, latest: Mapping[BoxKey, Decision]) -> Decision | None:
    """The decision on a box, if there is one that is still about it; see `Decision.is_on`."""
    decision = latest.get(key)
    return decision if decision is not None and decision.is_on(key) else None


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
        nth, of = _count(entry.get("nth", 0)), _count(entry.get("of", 0))
        key = BoxKey(_text(entry["image"]), _text(entry["class"]), _corners(entry["box"]), nth, of)
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


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("not a number of boxes")
    return value


def _corners(value: object) -> Corners:
    if not (isinstance(value, list) and len(value) == 4 and all(type(side) is int for side in value)):
        raise TypeError("not a box")
    x0, y0, x1, y1 = value
    if not (0 <= x0 < x1 and 0 <= y0 < y1):
        raise ValueError("not a box")
    return x0, y0, x1, y1
