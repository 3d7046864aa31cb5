"""Masks that a person decided on, in place of those that were made."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.names import JOINT
from boxsup.catalogue.records import Box, Problem
from boxsup.catalogue.reviewed import BoxKey, Decision, box_keys, decision_on
from boxsup.masking.box_masks import UNKNOWN, BoxMask
from boxsup.masking.parts import ImagePart
from boxsup.masking.quality import NO_CANDIDATE, crowding, measure_again, measure_mask


@dataclass(frozen=True)
class Decisions:
    """The decisions that the masks of `boxsup masks` are replaced by.

    Attributes:
        latest: The decision on each box.
        classes: Names of the classes of the annotations, the background first.
        disjoint: Whether a pixel belongs to one box only; a decided mask then keeps its pixels.
    """

    latest: dict[BoxKey, Decision]
    classes: Sequence[str]
    disjoint: bool = False

    def applied(self, part: ImagePart) -> ImagePart:
        """The image with the masks, boxes and classes that were decided on; see `faults` for what cannot be used."""
        record = part.record
        found = [self._usable(part, key) for key in keys_of(part, self.classes)]
        if not any(found):
            return part
        boxes = [box if each is None else self._corrected(box, each) for box, each in zip(record.boxes, found)]  # noqa: B905
        crowds = crowding(np.array([box[1:5] for box in boxes]))
        masks: list[BoxMask | None] = list(part.masks)
        for index, decision in enumerate(found):
            if decision is not None:
                pixels = decision.pixels(record.height, record.width)
                masks[index] = None if pixels is None else _decided(pixels, boxes[index], float(crowds[index]))
        if self.disjoint:
            masks = list(_apart(masks, boxes))
        void, nothing = (
            tuple(index for index, each in enumerate(found) if each is not None and each.verdict == verdict)
            for verdict in ("void", "nothing")
        )
        pairs = list(enumerate(zip(record.boxes, boxes, strict=True)))
        renamed = tuple(index for index, (old, new) in pairs if old.class_id != new.class_id)
        moved = tuple(index for index, (old, new) in pairs if old[1:5] != new[1:5])
        record = replace(record, boxes=boxes)
        return replace(part, record=record, masks=masks, void=void, nothing=nothing, renamed=renamed, moved=moved)

    def faults(self, parts: Iterable[ImagePart], unread: Container[str] = ()) -> list[Problem]:
        """A problem for each decision that is about no box as it is now, or cannot be used.

        Args:
            parts: The images whose masks were made.
            unread: Ids of images that have problems of their own, so that nothing is known of their boxes.
        """
        unused, faults, images = dict(self.latest), list[Problem](), dict[str, None]()
        for part in parts:
            images[part.record.image] = None
            for key in keys_of(part, self.classes):
                decision = unused.pop(key, None)
                if decision is not None and self._usable(part, key) is None:
                    faults.append(Problem(part.record.image, part.record.annotation, _misfit(decision, key)))
        gone = (key for key in unused if key.image not in unread)
        return faults + [
            Problem(key.image, "", f"{_why_gone(key, images)} ({key.class_name} {key.corners})") for key in gone
        ]

    def _usable(self, part: ImagePart, key: BoxKey) -> Decision | None:
        """The decision on a box, if there is one that fits its image."""
        decision = decision_on(key, self.latest)
        if decision is None or decision.class_name not in self.classes[1:]:
            return None
        try:
            decision.pixels(part.record.height, part.record.width)
        except ValueError:
            return None
        return decision

    def _corrected(self, box: Box, decision: Decision) -> Box:
        x0, y0, x1, y1 = decision.box
        return box._replace(class_id=self.classes.index(decision.class_name), x0=x0, y0=y0, x1=x1, y1=y1)


def keys_of(part: ImagePart, classes: Sequence[str]) -> list[BoxKey]:
    """What the decisions on the boxes of an image are known by.

    Args:
        part: The image, as it is annotated.
        classes: Names of the classes of its boxes, the background first.
    """
    boxes = ((classes[box.class_id], (box.x0, box.y0, box.x1, box.y1)) for box in part.record.boxes)
    return box_keys(part.record.image, boxes)


def _why_gone(key: BoxKey, images: Collection[str]) -> str:
    """Why a decision is about no box of the images."""
    if key.image not in images:
        renamed = [image for image in images if image.endswith(JOINT + key.image) or key.image.endswith(JOINT + image)]
        if renamed:
            text = f"a reviewed box is of an image that is called {' or '.join(renamed[:3])} now"
            why = "ids include folders where images share names"
            return f"{text}: {why}; put its id into the journal in place of {key.image}"
    return "a reviewed box is not among the boxes any more: it, its class or its corners were changed"


def _misfit(decision: Decision, key: BoxKey) -> str:
    """Why a decision on a box cannot be used, and what to do."""
    if not decision.is_on(key):
        text = f"a reviewed box was one of {decision.key.of} equal boxes, of which the image has {key.of} now"
        return f"{text}: which one was meant is unknown; review the box again ({key.class_name} {key.corners})"
    return "a reviewed mask, box or class does not fit the image as it is now; review the box again"


def _decided(pixels: NDArray[np.bool_], box: Box, crowd: float) -> BoxMask:
    inside = pixels[box.y0 : box.y1, box.x0 : box.x1]
    return BoxMask(pixels, False, measure_mask(inside, UNKNOWN, None, NO_CANDIDATE, crowd), reviewed=True)


def _apart(masks: Sequence[BoxMask | None], boxes: Sequence[Box]) -> Iterator[BoxMask | None]:
    """The masks without the pixels of decided masks of other boxes; of two decided ones the earlier keeps them."""
    taken: NDArray[np.bool_] | None = None
    own: dict[int, BoxMask | None] = {}
    for index in sorted(range(len(masks)), key=lambda index: not getattr(masks[index], "reviewed", False)):
        mask = masks[index]
        if mask is None:
            own[index] = None
            continue
        pixels = mask.pixels if taken is None else mask.pixels & ~taken
        own[index] = _less(mask, pixels, boxes[index])
        if mask.reviewed:
            taken = pixels if taken is None else taken | pixels
    return (own[index] for index in range(len(masks)))


def _less(mask: BoxMask, pixels: NDArray[np.bool_], box: Box) -> BoxMask | None:
    """A mask of which these pixels are left; None if there are none."""
    if not pixels.any():
        return None
    inside = pixels[box.y0 : box.y1, box.x0 : box.x1]
    measures = mask.measures if inside.sum() == mask.pixels.sum() else measure_again(mask.measures, inside)
    return replace(mask, pixels=pixels, measures=measures)
