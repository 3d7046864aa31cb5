"""What all writers take: an object with its mask; and which of several is visible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.image.boxes import Corners
from boxsup.image.packed import packed, packed_mask


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


def in_front(height: int, width: int, objects: Sequence[MaskedObject]) -> NDArray[np.int32]:
    """Say which object is visible at each pixel, H×W: its place among `objects` from 1, 0 for none.

    Where masks overlap, the smaller one is in front, as in VOC's PNGs; crowds are behind all others.

    >>> large, small = np.array([[True, True, True]]), np.array([[False, True, False]])
    >>> box = (0, 0, 3, 1)
    >>> in_front(1, 3, [MaskedObject(1, box, small), MaskedObject(2, box, large)])
    array([[2, 1, 2]], dtype=int32)
    """
    places = np.zeros((height, width), np.int32)
    masks = [packed_mask(item) for item in objects]
    areas = [np.inf if item.crowd else mask.area for item, mask in zip(objects, masks, strict=True)]
    for index in np.argsort([-area for area in areas], kind="stable"):
        window, inside = masks[index].window
        places[window][inside] = index + 1
    return places


def worst_first(objects: Iterable[MaskedObject]) -> list[MaskedObject]:
    """Order objects by rising score, those without a score last; equal ones keep their order."""
    return sorted(objects, key=lambda item: np.inf if item.score is None else item.score)
