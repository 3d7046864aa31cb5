"""Tiles of a large image: each is worked on by itself, with a margin, so that memory does not grow with the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, product
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

MIN_SIDE = 64  # px: networks make little of less
MARGIN_SHARE = 8  # the margin of a tile is at least one of so many parts of its side


class Tile(NamedTuple):
    """A part of an image.

    Attributes:
        seen: Rows and columns of the image that belong to the tile, its margin included.
        kept: Rows and columns of the image that it decides on; those of all tiles cover each pixel once.
        inner: The rows and columns of the tile that `kept` are.
    """

    seen: tuple[slice, slice]
    kept: tuple[slice, slice]
    inner: tuple[slice, slice]


def tiles(height: int, width: int, side: int) -> list[Tile]:
    """Cut an image into tiles of equal size, at most `side` px high and wide, which overlap.

    A pixel is decided on by a tile at whose border it does not lie: it is at least `side // MARGIN_SHARE` px away from
    it, less one for rounding, unless the border is that of the image.

    Args:
        height: Height of the image, px.
        width: Its width, px.
        side: Greatest side of a tile, px.

    >>> [(tile.seen[1], tile.kept[1]) for tile in tiles(4, 12, 8)]
    [(slice(0, 8, None), slice(0, 6, None)), (slice(4, 12, None), slice(6, 12, None))]
    """
    return [
        Tile((rows[0], columns[0]), (rows[1], columns[1]), (rows[2], columns[2]))
        for rows, columns in product(_spans(height, side), _spans(width, side))
    ]


def crops(pixels: NDArray[T], places: Iterable[Tile]) -> Iterator[NDArray[T]]:
    """Cut what each tile sees out of an image, H×W or H×W×3, as contiguous arrays."""
    return (np.ascontiguousarray(pixels[place.seen]) for place in places)


def joined(parts: Iterable[NDArray[np.integer]], places: Sequence[Tile]) -> NDArray[np.uint8]:
    """Put the label map of an image together from those of its tiles.

    Args:
        parts: The label map of each tile, its margin included; labels are at most 255.
        places: All tiles of the image, in the order of `tiles`.

    Returns:
        H×W labels.

    >>> row = np.arange(12)[None]
    >>> joined(crops(row, tiles(1, 12, 8)), tiles(1, 12, 8)).tolist() == row.tolist()
    True
    """
    rows, columns = places[-1].kept
    labels = np.empty((rows.stop, columns.stop), np.uint8)
    for part, place in zip(parts, places, strict=True):
        labels[place.kept] = part[place.inner]
    return labels


def _spans(length: int, side: int) -> list[tuple[slice, slice, slice]]:
    """The `seen`, `kept` and `inner` pixels of the tiles along one side of an image."""
    if length <= side:
        whole = slice(0, length)
        return [(whole, whole, whole)]
    step = max(1, side - 2 * (side // MARGIN_SHARE))
    count = -(-(length - side) // step) + 1
    starts = [round(index * (length - side) / (count - 1)) for index in range(count)]
    middles = [(before + side + after) // 2 for before, after in pairwise(starts)]  # of what two tiles share
    edges = [0, *middles, length]
    return [
        (slice(start, start + side), slice(first, last), slice(first - start, last - start))
        for start, (first, last) in zip(starts, pairwise(edges), strict=True)
    ]
