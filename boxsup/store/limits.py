"""How large a part of a store may be, checked before it is written: what is larger is taken for damaged when read."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from boxsup.errors import DataError

MAX_BYTES = 2**28  # of a chunk, a row or a whole array in memory: damaged metadata may claim more
LOWER = "lower `megapixels` of the data set, to which larger images are reduced"


def check_stack(images: Sequence[str], sizes: NDArray[np.integer]) -> None:
    """Raise a DataError if a stack of images would have chunks that are too large to be read.

    Args:
        images: The N image ids.
        sizes: N×2 (height, width).
    """
    if not len(images) or math.prod(map(int, sizes.max(axis=0))) <= MAX_BYTES:
        return
    (height, width), (highest, widest) = map(int, sizes.max(axis=0)), sizes.argmax(axis=0)
    raise DataError(
        f"label maps of {width}×{height} pixels (width×height), as wide as {images[widest]} and as high as "
        f"{images[highest]}: a store pads all its maps alike, to at most {MAX_BYTES:,} pixels; {LOWER}, or leave one "
        "of the two out"
    )


def check_rows(images: Sequence[str], sizes: NDArray[np.integer], dtype: DTypeLike) -> None:
    """Raise a DataError if a map of an image, as a row of `Ragged`, would be too long to be read.

    Args:
        images: The N image ids.
        sizes: N×2 (height, width).
        dtype: The type of a pixel's value.
    """
    most, pixels = MAX_BYTES // np.dtype(dtype).itemsize, sizes.astype(np.int64).reshape(-1, 2).prod(axis=1)
    for row in np.flatnonzero(pixels > most)[:1]:
        height, width = sizes[row]
        raise DataError(
            f"{images[row]}: {width}×{height} pixels (width×height); a store has maps of at most {most:,}; {LOWER}"
        )
