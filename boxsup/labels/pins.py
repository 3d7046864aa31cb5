"""Masks that a person chose (`boxsup review`), pinned in a generation of labels and taught to object networks."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.reviewed import Decision, read_reviewed
from boxsup.catalogue.tables import Catalogue, corners_of
from boxsup.image.boxes import Corners
from boxsup.image.packed import packed

PINNED = 2  # in the column `crowd`: the box chooses nothing and is not void, since a person said what is in it


@packed
@dataclass(frozen=True, eq=False)
class PinnedMask:
    """The mask of a box that a person chose.

    Attributes:
        pixels: H×W.
        class_id: The right class.
        box: The right corners, in which the mask is.
    """

    pixels: NDArray[np.bool_]
    class_id: int
    box: Corners


@dataclass(frozen=True)
class Pins:
    """What a person said about the boxes of a split.

    Attributes:
        split: The split; boxes that somebody decided on are PINNED, or crowds where nobody can tell what is in them.
        masks: Row of the table of boxes -> its mask, for boxes that have one.
    """

    split: Catalogue
    masks: Mapping[int, PinnedMask]

    def rows_in(self, images: Collection[str]) -> NDArray[np.intp]:
        """The rows of boxes with a pinned mask in some images."""
        names, wanted = self.split.boxes["image"].to_numpy(), set(images)
        return np.array([row for row in self.masks if names[row] in wanted], np.intp)

    def painted(self, image: str, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The label map of an image (H×W) with the pinned masks over all others, a smaller one over a larger one."""
        own = [self.masks[row] for row in self.split.boxes_of(image).index if row in self.masks]
        if own:
            labels = labels.copy()
        for mask in sorted(own, key=lambda mask: -int(mask.pixels.sum())):
            labels[mask.pixels] = mask.class_id
        return labels


def no_pins(split: Catalogue) -> Pins:
    """Nobody reviewed anything."""
    return Pins(split, {})


def read_pins(path: Path | None, split: Catalogue) -> Pins:
    """Read what a person decided about the boxes of a split, and say on stderr how much of it cannot be used.

    Args:
        path: The journal; None for no decisions.
        split: The split. A decision is about a box of this image, class and corners.

    Raises:
        DataError: There is no such file.
    """
    if path is None:
        return no_pins(split)
    decisions = read_reviewed(path).latest()
    boxes, sizes = split.boxes, {row.image: (row.height, row.width) for row in split.rows()}
    crowd, masks, used = boxes["crowd"].to_numpy(np.int64).copy(), dict[int, PinnedMask](), set()
    places = zip(boxes["image"], boxes["label"].tolist(), corners_of(boxes).tolist(), strict=True)
    for row, (image, label, corners) in enumerate(places):
        key = (image, split.classes[label], tuple(corners))
        decision = decisions.get(key)
        if decision is None:
            continue
        mask = _mask(decision, split, sizes[image])
        if decision.verdict == "mask" and mask is None:
            continue
        used.add(key)
        crowd[row] = 1 if decision.verdict == "void" else PINNED
        if mask is not None:
            masks[row] = mask
    unused = sum(key[0] in sizes and key not in used for key in decisions)
    if unused:
        text = "do not fit the boxes as they are now, and are left out: review them again"
        print(f"boxsup: {path}: {unused} decisions {text}", file=sys.stderr)
    return Pins(replace(split, boxes=boxes.assign(crowd=crowd)), masks)


def _mask(decision: Decision, split: Catalogue, size: tuple[int, int]) -> PinnedMask | None:
    """The mask of a decision; None if there is none that fits."""
    if decision.class_name not in split.classes[1:]:
        return None
    try:
        pixels = decision.pixels(*size)
    except ValueError:
        return None
    if pixels is None:
        return None
    return PinnedMask(pixels, split.classes.index(decision.class_name), decision.box)
