"""Masks that a person chose (`boxsup review`), pinned in a generation of labels and taught to object networks."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.reviewed import BoxKey, Decision, box_keys, decision_on, read_reviewed
from boxsup.catalogue.tables import Catalogue, InParts, corners_of
from boxsup.image.boxes import Corners
from boxsup.image.packed import packed
from boxsup.near import counted

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
        crowd: Row of the table of boxes -> PINNED, or 1 (a crowd) where nobody can tell what is in the box.
        masks: Row of the table of boxes -> its mask, for boxes that have one.
        unused: Number of decisions about its images that are not used.
    """

    crowd: Mapping[int, int] = field(default_factory=dict)
    masks: Mapping[int, PinnedMask] = field(default_factory=dict)
    unused: int = 0

    def applied(self, split: Catalogue) -> Catalogue:
        """A split, or a part of it, whose boxes are marked as they were decided on."""
        boxes = split.boxes
        if not any(row in self.crowd for row in boxes.index):
            return split
        crowd = [self.crowd.get(row, own) for row, own in zip(boxes.index, boxes["crowd"], strict=True)]
        return replace(split, boxes=boxes.assign(crowd=np.array(crowd, np.int64)))

    def painted(self, rows: Iterable[int], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The label map of an image (H×W) with the pinned masks of its boxes over all others, the smallest on top.

        Args:
            rows: Rows of its boxes.
            labels: Its label map.
        """
        own = [self.masks[row] for row in rows if row in self.masks]
        if own:
            labels = labels.copy()
        for mask in sorted(own, key=lambda mask: -int(mask.pixels.sum())):
            labels[mask.pixels] = mask.class_id
        return labels


def read_pins(path: Path | None, split: InParts) -> Pins:
    """Read what a person decided about the boxes of a split, and say on stderr how much of it cannot be used.

    A box whose right class is none of the split's is background, as boxes of such classes are.

    Args:
        path: The journal; None for no decisions.
        split: The split. A decision is about a box of this image, class and corners, and of equal boxes about one.

    Raises:
        DataError: There is no such file.
    """
    if path is None:
        return Pins()
    decisions = read_reviewed(path).latest()
    decided = {key.image for key in decisions}
    crowd, masks, images, used = dict[int, int](), dict[int, PinnedMask](), set[str](), set[BoxKey]()
    other_classes = Counter[str]()
    for part in split.parts():
        sizes = {row.image: (row.height, row.width) for row in part.rows() if row.image in decided}
        images.update(sizes)
        boxes = part.boxes[part.boxes["image"].isin(sizes)]
        for row, key in _keys(boxes, split.classes):
            decision = decision_on(key, decisions)
            if decision is None:
                continue
            if decision.verdict == "mask" and decision.class_name in split.classes[1:]:
                mask = _mask(decision, split.classes, sizes[key.image])
                if mask is None:
                    continue
                masks[row] = mask
            elif decision.verdict == "mask":
                other_classes[decision.class_name] += 1
            used.add(key)
            crowd[row] = 1 if decision.verdict == "void" else PINNED
    unused = [key for key in decisions if key.image in images and key not in used]
    for note in _notes(unused, other_classes, split.classes):
        print(f"boxsup: {path}: {note}", file=sys.stderr)
    return Pins(crowd, masks, len(unused))


def _notes(unused: Sequence[BoxKey], other_classes: Mapping[str, int], classes: Sequence[str]) -> Iterator[str]:
    """What a person should know about decisions that are not used, or not as masks; see `read_pins`."""
    if other_classes:
        names = ", ".join(sorted(other_classes))
        yield f"boxes said to be of classes that are not trained ({names}): {sum(other_classes.values())}; background"
    left_out = sum(key.class_name not in classes for key in unused)
    if left_out:
        yield f"{counted(left_out, 'decision')} on boxes of classes that are left out: not used"
    if len(unused) > left_out:
        changed = counted(len(unused) - left_out, "decision")
        yield f"{changed} about boxes that are not as they were: not used; review them again"


def _keys(boxes: pd.DataFrame, classes: Sequence[str]) -> Iterator[tuple[int, BoxKey]]:
    """The row of each box in its table, and what a decision on it is known by.

    Args:
        boxes: Rows of the table of boxes: all those of some images.
        classes: Class names, the background first.
    """
    for image, own in boxes.groupby("image", sort=False):
        corners = ((x0, y0, x1, y1) for x0, y0, x1, y1 in corners_of(own).tolist())
        names = (classes[label] for label in own["label"])
        yield from zip(own.index, box_keys(str(image), zip(names, corners, strict=True)), strict=True)


def _mask(decision: Decision, classes: Sequence[str], size: tuple[int, int]) -> PinnedMask | None:
    """The mask of a decision for one of the classes; None if it does not fit the image."""
    try:
        pixels = decision.pixels(*size)
    except ValueError:
        return None
    if pixels is None:
        return None
    return PinnedMask(pixels, classes.index(decision.class_name), decision.box)
