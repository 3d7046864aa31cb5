"""A review as it goes on: what was decided, by whomever, what is thought of the rest, and the next decision."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.reviewed import BoxKey, Decision, Reviewed, undo_entry
from boxsup.errors import DataError
from boxsup.image.boxes import Corners
from boxsup.image.palette import colour_id, css_colour
from boxsup.image.runs import runs_of
from boxsup.masking.options import ALIKE, mask_iou
from boxsup.review.ahead import NEXT, Ahead
from boxsup.review.estimate import NEEDED, RIGHT, advice, estimate
from boxsup.review.order import review_order
from boxsup.review.subject import Looked, ReviewBox, Subject
from boxsup.store.journal import append_entry

KEYS = 5  # masks to choose from, with the keys 1 to 5
PATIENCE = 30.0  # s for the candidates of an image; then the page asks again, if it still shows the box
MADE, DECIDED, RECTANGLE = "made", "decided", "rectangle"  # what a mask may start from, besides an option's number

Json = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What the page asks to be decided on a box.

    Attributes:
        number: The decision's own name, which the page makes up: a wish that is sent twice is one decision.
        place: The place of the box.
        verdict: As in `Decision`.
        start: What the mask starts from: the number of an option from 0, or MADE, DECIDED, RECTANGLE.
        added: Superpixels to add to it.
        removed: Superpixels to take away from it.
        class_name: The right class.
        box: The right corners.
    """

    number: str
    place: int
    verdict: str
    start: int | str
    added: tuple[int, ...]
    removed: tuple[int, ...]
    class_name: str
    box: Corners


class Session:
    """A review. Its methods may be called from several threads."""

    def __init__(self, subject: Subject, ahead: Ahead, target: float, patience: float = PATIENCE) -> None:
        """Read the journal.

        Args:
            subject: What is reviewed.
            ahead: Makes the candidates.
            target: The share of right masks from which on the person may stop.
            patience: Seconds that a request waits for candidates, at most.
        """
        self.subject, self.target, self.patience = subject, target, patience
        self._ahead, self._lock = ahead, threading.Lock()
        self.order, self.drawn = review_order([box.score for box in subject.boxes])
        self._places = {box.key: place for place, box in enumerate(subject.boxes)}
        self.reviewed = Reviewed(subject.journal)
        # The boxes that something happened to, one after the other; the page says how many of these it has seen.
        self._events = [key for key in self.reviewed.latest() if key in self._places]
        self._standing = self._usable()

    # --- what the page shows ------------------------------------------------------------------------------------------

    def start(self) -> Json:
        """Everything that the page needs at its start; pictures and masks come later."""
        boxes = self.subject.boxes
        with self._lock:
            self._refresh()
            return {
                "name": self.subject.name,
                "journal": str(self.subject.journal),
                "feedback": self.subject.feedback,
                "classes": list(self.subject.classes),
                "colours": [css_colour(colour_id(label)) for label in range(len(self.subject.classes))],
                "boxes": [_row(box) for box in boxes],
                "order": self.order,
                "drawn": sorted(self.drawn),
                "needed": NEEDED,
                "right": RIGHT,
                "target": self.target,
                **self._news(0),
            }

    def news(self, since: int) -> Json:
        """What happened after so many events, and the estimate."""
        with self._lock:
            self._refresh()
            return self._news(since)

    def mask(self, place: int) -> tuple[ReviewBox, NDArray[np.bool_] | None]:
        """A box with the mask that stands: the one that was decided on, or else the one that was made."""
        box, decision = self.subject.boxes[place], self._decision(place)
        if decision is None:
            return box, self.subject.mask(place)
        return box, decision.pixels(box.height, box.width)

    def options(self, place: int) -> tuple[Looked, list[NDArray[np.bool_]]]:
        """The superpixels of a box's image, and the masks to choose from: the one that was made, and the best others.

        Raises:
            BoxSupError: They cannot be made.
            TimeoutError: They are still being made.
        """
        box, made = self.subject.boxes[place], self.subject.mask(place)
        self._ahead.want([self.subject.boxes[other].image for other in self._coming(place)])
        looked = self._ahead.get(box.image, self.patience)
        if looked.superpixels.shape != (box.height, box.width):
            raise DataError(f"{box.path}: its size has changed since its masks were made; run `boxsup masks` again")
        others = [mask for mask in looked.masks(box.row) if mask_iou(mask, made) < ALIKE]
        return looked, [made, *others][:KEYS]

    # --- what the page asks for ---------------------------------------------------------------------------------------

    def decide(self, wish: Wish) -> None:
        """Append a decision to the journal. It is on disk when this returns.

        Raises:
            DataError: The wish makes no sense; the message is for the person.
            OSError: The journal cannot be written.
        """
        box = self.subject.boxes[wish.place]
        self._check(wish, box)
        pixels, made = None, self.subject.mask(wish.place)
        if wish.verdict == "mask":
            pixels = self._pixels(wish, box)
            if not pixels.any():
                raise DataError("the mask is empty: add something, or say that there is nothing (X)")
        iou = None if wish.verdict == "void" else 0.0 if pixels is None else round(mask_iou(pixels, made), 4)
        runs = None if pixels is None else runs_of(pixels)
        about = (wish.class_name, wish.box, runs, iou, box.score, wish.place in self.drawn)
        decision = Decision(wish.number, box.key, wish.verdict, *about)  # type: ignore[arg-type]
        with self._lock:
            self._refresh()
            if not self.reviewed.standing(wish.number):
                append_entry(self.subject.journal, decision.entry())

    def undo(self, number: str | None) -> int | None:
        """Take a decision back, the last one by default; returns the place of its box, None if there is none."""
        with self._lock:
            self._refresh()
            number = self.reviewed.last() if number is None else number
            if number is None or not self.reviewed.standing(number):
                return None
            key = self.reviewed.named(number).key
            append_entry(self.subject.journal, undo_entry(number))
            return self._places.get(key)

    # --- the parts of these -------------------------------------------------------------------------------------------

    def _check(self, wish: Wish, box: ReviewBox) -> None:
        x0, y0, x1, y1 = wish.box
        if not (0 <= x0 < x1 <= box.width and 0 <= y0 < y1 <= box.height):
            raise DataError("the box is empty, or not in the image")
        if wish.class_name not in self.subject.classes[1:]:
            raise DataError("there is no such class")

    def _pixels(self, wish: Wish, box: ReviewBox) -> NDArray[np.bool_]:
        """The mask that a wish describes, cut at its box."""
        x0, y0, x1, y1 = wish.box
        inside = np.zeros((box.height, box.width), np.bool_)
        inside[y0:y1, x0:x1] = True
        if wish.start == RECTANGLE:
            pixels = inside.copy()
        elif wish.start == DECIDED:
            standing = self.mask(wish.place)[1]
            pixels = np.zeros_like(inside) if standing is None else standing
        elif wish.start == MADE:
            pixels = self.subject.mask(wish.place)
        else:
            options = self.options(wish.place)[1]
            if not (isinstance(wish.start, int) and 0 <= wish.start < len(options)):
                raise DataError("there is no such mask")
            pixels = options[wish.start]
        if wish.added or wish.removed:
            superpixels = self._ahead.get(box.image, self.patience).superpixels
            pixels = (pixels | np.isin(superpixels, wish.added)) & ~np.isin(superpixels, wish.removed)
        return pixels & inside

    def _decision(self, place: int) -> Decision | None:
        with self._lock:
            self._refresh()
            return self._standing.get(self.subject.boxes[place].key)

    def _refresh(self) -> None:
        news = self.reviewed.refresh()
        if news:
            self._events += news
            self._standing = self._usable()

    def _usable(self) -> dict[BoxKey, Decision]:
        """The decisions that stand, and are about the boxes as they are now."""
        boxes, latest = self.subject.boxes, self.reviewed.latest()
        own = ((key, decision, self._places.get(key)) for key, decision in latest.items())
        return {key: decision for key, decision, place in own if place is not None and decision.is_on(boxes[place].key)}

    def _coming(self, place: int) -> list[int]:
        """This box and the next ones that nobody decided on."""
        after = self.order[self.order.index(place) + 1 :]
        rest = (other for other in after if self.subject.boxes[other].key not in self._standing)
        return [place, *(other for other, _ in zip(rest, range(NEXT), strict=False))]

    def _news(self, since: int) -> Json:
        changed = dict.fromkeys(self._places[key] for key in self._events[since:] if key in self._places)
        decided = {place: _brief(self._standing.get(self.subject.boxes[place].key)) for place in changed}
        return {"events": len(self._events), "decided": decided, "estimate": self._thought()}

    def _thought(self) -> Json:
        """What is thought of the rest, once enough was decided."""
        boxes, standing = self.subject.boxes, self._standing
        decisions = ((box.score, standing.get(box.key)) for box in boxes)
        known = [(score, own.iou >= RIGHT) for score, own in decisions if own is not None and own.iou is not None]
        rest = [boxes[place].score for place in self.order if boxes[place].key not in standing]
        decided = len(boxes) - len(rest)
        if len(known) < NEEDED or not rest:
            return {"decided": decided, "missing": max(0, NEEDED - len(known)), "rest": len(rest)}
        found = estimate([score for score, _ in known], [right for _, right in known], rest)
        hint = advice(found, decided, self.target)
        return {
            "decided": decided,
            "missing": 0,
            "rest": len(rest),
            "share": found.share,
            "low": found.low,
            "high": found.high,
            "all": [hint.share, hint.low, hint.high],
            "stop": hint.stop,
            "more": hint.more,
        }


def _row(box: ReviewBox) -> list[Any]:
    return [box.image, box.number, box.class_id, *box.corners, box.width, box.height, box.score, " ".join(box.flags)]


def _brief(decision: Decision | None) -> Json | None:
    if decision is None:
        return None
    return {
        "number": decision.number,
        "verdict": decision.verdict,
        "class": decision.class_name,
        "box": list(decision.box),
        "iou": decision.iou,
    }
