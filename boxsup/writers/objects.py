"""What is written: the objects of an image with their masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.masks import packed

Corners = tuple[int, int, int, int]


@packed
@dataclass(frozen=True)
class MaskedObject:
    """An object with its mask.

    Attributes:
        label: 1…C-1.
        box: Half-open 0-based pixel corners x0, y0, x1, y1, as annotated.
        pixels: H×W of the image, true on the object.
        score: How good the mask is, in [0, 1]; None if nothing is known.
        crowd: Whether it is a crowd of objects.
        number: Its place among the image's annotated objects, from 1; None: its place among those that are written.
    """

    label: int
    box: Corners
    pixels: NDArray[np.bool_]
    score: float | None = None
    crowd: bool = False
    number: int | None = None


def tight_box(pixels: NDArray[np.bool_], margin: int = 0) -> Corners | None:
    """The least box that holds a mask.

    Args:
        pixels: H×W.
        margin: Pixels that it is larger by on each side, as far as the image goes.

    Returns:
        Half-open 0-based pixel corners x0, y0, x1, y1; None if the mask is empty.
    """
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not len(rows):
        return None
    height, width = pixels.shape
    first, last = (int(columns[0]), int(rows[0])), (int(columns[-1]) + 1, int(rows[-1]) + 1)
    x0, y0 = (max(0, side - margin) for side in first)
    return x0, y0, min(width, last[0] + margin), min(height, last[1] + margin)
