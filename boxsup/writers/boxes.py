"""Writes a table of annotated and tightened boxes, for a person to go through."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from boxsup.image.boxes import Corners, box_iou, enlarged
from boxsup.image.packed import packed_mask
from boxsup.store.csv import write_csv
from boxsup.writers.objects import MaskedObject

COLUMNS = (
    *("image", "object", "class", "x0", "y0", "x1", "y1"),
    *("tight_x0", "tight_y0", "tight_x1", "tight_y1", "iou", "score"),
)
Row = tuple[object, ...]


def rows(image: str, objects: Sequence[MaskedObject], classes: Sequence[str], margin: int = 0) -> list[Row]:
    """One row per object, with the values of COLUMNS.

    >>> mask = np.array([[False, True, True, False]])
    >>> rows("a", [MaskedObject(1, (0, 0, 4, 1), mask)], ("background", "cat"))
    [('a', 1, 'cat', 0, 0, 4, 1, 1, 0, 3, 1, 0.5, None)]

    Args:
        image: Image id.
        objects: The objects of the image.
        classes: Class names, the background first.
        margin: Pixels by which a tightened box exceeds its mask on each side.

    Returns:
        Half-open 0-based pixel corners of both boxes, and their IoU. If a mask is empty, the tightened box and the IoU
        are None.
    """
    table: list[Row] = []
    for index, item in enumerate(objects, start=1):
        mask = packed_mask(item)
        tight = mask.box and enlarged(mask.box, margin, *mask.shape)
        tight_fields = (*tight, _iou(item.box, tight)) if tight else (None,) * 5
        table.append((image, item.number or index, classes[item.class_id], *item.box, *tight_fields, item.score))
    return table


def write(path: str | os.PathLike[str], table: Iterable[Row]) -> None:
    """Write the CSV, whole or not at all."""
    frame = pd.DataFrame(list(table), columns=list(COLUMNS))
    tight = [name for name in COLUMNS if name.startswith("tight")]
    frame[tight] = frame[tight].astype("Int64")  # whole numbers that may be missing
    write_csv(path, frame)


def _iou(box: Corners, other: Corners) -> float:
    return round(float(box_iou(np.array([box]), np.array([other]))[0, 0]), 4)
