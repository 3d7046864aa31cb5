"""Label maps made once from boxes, which never change: the baselines of the paper's Table 2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import corners_of
from boxsup.image import VOID
from boxsup.image.packed import LazySequence, PackedMask
from boxsup.labels.bbox_seg import bbox_seg
from boxsup.labels.choice import Chosen
from boxsup.labels.grabcut import grabcut
from boxsup.labels.painting import paint
from boxsup.labels.roles import box_roles

Maker = Callable[[NDArray[np.uint8], pd.DataFrame], tuple[NDArray[np.uint8], NDArray[np.bool_]]]


@dataclass(frozen=True)
class BaselineLabels:
    """The label map of an image and what each box contributed.

    Attributes:
        labels: H×W uint8, 0 background, 1…C-1 classes, 255 void.
        chosen: B int32: Chosen.SEGMENT, Chosen.RECTANGLE if the box's rectangle was used, Chosen.NOTHING for a crowd or
            a difficult box that is void or left out.
    """

    labels: NDArray[np.uint8]
    chosen: NDArray[np.int32]


def baseline_labels(kind: str, image: NDArray[np.uint8], boxes: pd.DataFrame) -> BaselineLabels:
    """Make the label map of an image's boxes; crowds are void where no other box has a label.

    Args:
        kind: One of FIXED_KINDS; with `-void` or `-ignore`, boxes marked difficult are void or left out, as by
            `update.difficult`, so that a baseline and boxes that choose differ in the method alone.
        image: H×W×3 uint8 RGB.
        boxes: The image's rows in the catalogue's table of boxes.
    """
    name, _, difficult = kind.partition("-")
    used, void = box_roles(boxes, difficult or "use")
    labels, segmented = BASELINES[name](image, boxes[used])
    for x0, y0, x1, y1 in corners_of(boxes[void]):
        window = labels[y0:y1, x0:x1]
        window[window == 0] = VOID
    chosen = np.full(len(boxes), Chosen.NOTHING, np.int32)
    chosen[used] = np.where(segmented, Chosen.SEGMENT, Chosen.RECTANGLE)
    return BaselineLabels(labels, chosen)


def _rectangles(image: NDArray[np.uint8], boxes: pd.DataFrame) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Fill each box with its class (the paper's naive baseline, Fig. 2c)."""
    return _painted(image, boxes, [None] * len(boxes)), np.zeros(len(boxes), bool)


def _grabcut(image: NDArray[np.uint8], boxes: pd.DataFrame) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Run GrabCut in each box; a box in which it finds nothing keeps its rectangle (Fig. 2d)."""
    found = (grabcut(image, box) for box in corners_of(boxes))
    cuts = [None if pixels is None else PackedMask.of(pixels) for pixels in found]
    masks = LazySequence(lambda cut: None if cut is None else cut.pixels(), cuts)
    return _painted(image, boxes, masks), np.array([cut is not None for cut in cuts], bool)


def _bbox_seg(image: NDArray[np.uint8], boxes: pd.DataFrame) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Run WSSL's Bbox-Seg."""
    return bbox_seg(image, corners_of(boxes), boxes["label"].to_numpy()), np.ones(len(boxes), bool)


def _painted(
    image: NDArray[np.uint8], boxes: pd.DataFrame, masks: Sequence[NDArray[np.bool_] | None]
) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    return paint(height, width, corners_of(boxes), boxes["label"].to_numpy(), masks, clip=True)


BASELINES: dict[str, Maker] = {"rectangles": _rectangles, "grabcut": _grabcut, "bbox_seg": _bbox_seg}
