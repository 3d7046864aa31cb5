"""Tightened boxes as a table beside those that were annotated, for a person to go through."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from boxsup.image.boxes import Corners, box_iou, tight_box
from boxsup.store.csv import write_csv
from boxsup.writers.objects import MaskedObject

COLUMNS = (
    *("image", "object", "class", "x0", "y0", "x1", "y1"),
    *("tight_x0", "tight_y0", "tight_x1", "tight_y1", "iou", "score"),
)
Row = tuple[object, ...]


def rows(image: str, things: Sequence[MaskedObject], classes: Sequence[str], margin: int = 0) -> list[Row]:
    """A row an object, by COLUMNS.

    Args:
        image: Its id.
        things: Its objects.
        classes: Names by label, the background first.
        margin: Pixels that a tightened box is larger than its mask on each side.

    Returns:
        Half-open 0-based pixel corners, annotated and tightened, and the IoU of the two. A mask without a pixel
        tightens nothing: its fields are empty.
    """
    found: list[Row] = []
    for place, thing in enumerate(things, start=1):
        tight = tight_box(thing.pixels, margin)
        own = (*tight, _iou(thing.box, tight)) if tight else (None,) * 5
        found.append((image, thing.number or place, classes[thing.class_id], *thing.box, *own, thing.score))
    return found


def write(path: str | os.PathLike[str], table: Iterable[Row]) -> None:
    """Write a CSV whole or not at all."""
    frame = pd.DataFrame(list(table), columns=list(COLUMNS))
    tight = [name for name in COLUMNS if name.startswith("tight")]
    frame[tight] = frame[tight].astype("Int64")  # whole numbers, also where some are missing
    write_csv(path, frame)


def _iou(box: Corners, other: Corners) -> float:
    return round(float(box_iou(np.array([box]), np.array([other]))[0, 0]), 4)
