"""What all writers take: an object with its mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.image.boxes import Corners
from boxsup.image.packed import packed


@packed
@dataclass(frozen=True)
class MaskedObject:
    """An object with its mask.

    Attributes:
        class_id: Class 1…C-1.
        box: Half-open 0-based pixel corners x0, y0, x1, y1, as annotated.
        pixels: H×W of the image, true on the object.
        score: Quality of the mask in [0, 1]; None if unknown.
        crowd: Whether it is a crowd of objects.
        number: Number among the image's annotated objects, from 1; None counts the objects that are written.
    """

    class_id: int
    box: Corners
    pixels: NDArray[np.bool_]
    score: float | None = None
    crowd: bool = False
    number: int | None = None
