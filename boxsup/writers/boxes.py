"""The rows of a table of annotated and tightened boxes, for a person to go through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from boxsup.image.boxes import Corners, box_iou
from boxsup.image.packed import packed_mask
from boxsup.writers.objects import MaskedObject

COLUMNS = (
    *("image", "object", "class", "x0", "y0", "x1", "y1"),
    *("tight_x0", "tight_y0", "tight_x1", "tight_y1", "iou", "score"),
)
Row = tuple[object, ...]


def rows(image: str, objects: Sequence[MaskedObject], classes: Sequence[str]) -> list[Row]:
    """One row per object, with the values of COLUMNS.

    >>> mask = np.array([[False, True, True, False]])
    >>> rows("a", [MaskedObject(1, (0, 0, 4, 1), mask)], ("background", "cat"))
    [('a', 1, 'cat', 0, 0, 4, 1, 1, 0, 3, 1, 0.5, None)]

    Args:
        image: Image id.
        objects: The objects of the image.
        classes: Class names, the background first.

    Returns:
        Half-open 0-based pixel corners of both boxes, and their IoU. If a mask is empty, the tightened box and the IoU
        are None.
    """
    table: list[Row] = []
    for index, item in enumerate(objects, start=1):
        tight = packed_mask(item).box
        tight_fields = (*tight, _iou(item.box, tight)) if tight else (None,) * 5
        table.append((image, item.number or index, classes[item.class_id], *item.box, *tight_fields, item.score))
    return table


def _iou(box: Corners, other: Corners) -> float:
    return round(float(box_iou(np.array([box]), np.array([other]))[0, 0]), 4)
