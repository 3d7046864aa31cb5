"""COCO's segmentations as pixels, and the masks of an image from its objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from boxsup.catalogue.records import VOID

MARGIN = 1  # px that a polygon may leave its image by: a border drawn at the edge


def segment(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:  # noqa: ANN401 - JSON
    """The pixels of one object, H×W.

    Args:
        segmentation: Polygons, each an array x, y, x, y, …; or runs, see `boxsup.proposals.rle`.
        height: Of the image in pixels.
        width: Likewise.

    Raises:
        ValueError: Says what is wrong with it. pycocotools would take the memory that a far corner asks for.
    """
    if isinstance(segmentation, dict):
        return _of_runs(segmentation, height, width)
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError("has no segmentation; set the split's `masks: false` to go without masks")
    for polygon in segmentation:
        if not isinstance(polygon, np.ndarray) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError("a polygon must be a list of at least three corners x, y, x, y, …")
        corners = polygon.reshape(-1, 2)
        if not ((corners >= -MARGIN) & (corners <= (width + MARGIN, height + MARGIN))).all():
            raise ValueError(f"a polygon is not inside its image of {width}×{height} pixels (width×height)")
    parts = coco_mask.frPyObjects(segmentation, height, width)
    return np.asarray(coco_mask.decode(coco_mask.merge(parts)), np.bool_)


def _of_runs(segmentation: dict[str, Any], height: int, width: int) -> NDArray[np.bool_]:
    from boxsup.proposals.rle import decode_runs  # numba costs a second, and most images have polygons only

    flat = np.zeros(height * width, np.bool_)
    for first, last in decode_runs(segmentation, (height, width), "segmentation"):
        flat[first:last] = True
    return np.ascontiguousarray(flat.reshape(width, height).T)


def draw(
    height: int, width: int, objects: Sequence[tuple[int, bool, NDArray[np.bool_]]]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The label map and the object mask of an image.

    Objects lie one upon the other, the smaller above: what is annotated inside of another object is in front of it far
    more often than behind. Crowds are void, below all.

    Args:
        height: Of the image in pixels.
        width: Likewise.
        objects: N labels 1…C-1, whether they are crowds, and the H×W pixels of each.

    Returns:
        H×W uint8 labels, and H×W uint8 numbers of the objects in their order from 1, crowds counted; None of these
        where there are more than 254. Void is 255 in both.
    """
    labels, numbers = (np.zeros((height, width), np.uint8) for _ in range(2))
    areas = [np.inf if crowd else pixels.sum() for _, crowd, pixels in objects]
    for place in np.argsort([-area for area in areas], kind="stable"):
        label, crowd, pixels = objects[place]
        labels[pixels] = VOID if crowd else label
        numbers[pixels] = VOID if crowd else min(place + 1, VOID)
    return labels, numbers if len(objects) < VOID else None
