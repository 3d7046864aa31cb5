"""The candidate pool of an image: which superpixels each candidate segment consists of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from boxsup.errors import DataError
from boxsup.machine.compiled import compiled
from boxsup.proposals.regions import raster_order, region_boxes, renumbered

MAX_REGIONS = 2**16 - 1  # numbers of uint16, less one


@dataclass(frozen=True, eq=False)
class Pool:
    """The N candidate segments of an image, each a set of superpixels.

    Attributes:
        superpixels: H×W uint16 superpixel of each pixel, 0…R-1, every one present, numbered in raster order.
        members: R×ceil(N/8) uint8, one row of bits per superpixel (`numpy.packbits`): the candidates that hold it. Rows
            of neighbouring superpixels are much alike, so this is a fifth smaller on disk than one row per candidate.
        scores: N float32, falling; between methods only their order can be compared.
    """

    superpixels: NDArray[np.uint16]
    members: NDArray[np.uint8]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def regions(self) -> int:
        """Number of superpixels, R."""
        return len(self.members)

    @cached_property
    def boxes(self) -> NDArray[np.int32]:
        """N×4: the tight half-open boxes of the candidates, pixel corners x0, y0, x1, y1."""
        return tight_boxes(self.matrix(), region_boxes(self.superpixels, self.regions))

    def matrix(self) -> NDArray[np.bool_]:
        """Return which superpixels each candidate consists of: N×R."""
        columns = np.unpackbits(self.members, axis=1, count=len(self)).view(np.bool_)
        return np.ascontiguousarray(columns.T)

    def mask(self, candidate: int, window: tuple[slice, slice] = np.s_[:, :]) -> NDArray[np.bool_]:
        """Return the pixels of one candidate: H×W, or those of a window of rows and columns."""
        row = (self.members[:, candidate >> 3] >> (7 - (candidate & 7))) & 1
        return np.asarray(row.view(np.bool_)[self.superpixels[window]])


def make_pool(superpixels: NDArray[np.integer], matrix: NDArray[np.bool_], scores: NDArray[np.floating]) -> Pool:
    """Make a pool without empty or equal candidates, and without superpixels that no candidate separates.

    Args:
        superpixels: H×W superpixel of each pixel, 0…S-1, H and W above 0; numbers may be missing.
        matrix: N×S superpixels of each candidate.
        scores: N scores. Of equal candidates the best score counts; ties keep their order.

    Raises:
        DataError: The candidates cut the image into more than 65,535 superpixels.

    Example:
        >>> matrix = np.array([[True, True, False], [False, False, True]])
        >>> pool = make_pool(np.array([[0, 1, 2]]), matrix, np.array([1.0, 2.0]))
        >>> pool.superpixels, pool.mask(0)
        (array([[0, 0, 1]], dtype=uint16), array([[False, False,  True]]))
    """
    rank = raster_order(superpixels, matrix.shape[1])
    present = np.flatnonzero(rank >= 0)
    matrix = np.take(matrix, present, axis=1)
    order = np.argsort(-scores, kind="stable")
    order = order[matrix[order].any(axis=1)]
    order = order[distinct_rows(matrix[order])]
    matrix, column = unique_columns(matrix[order])
    regions = matrix.shape[1]
    if regions > MAX_REGIONS:
        raise DataError(
            f"candidates cut the image into {regions:,} superpixels, at most {MAX_REGIONS:,} can be stored; "
            "use fewer candidates or larger regions"
        )
    first = np.full(regions, len(rank))
    np.minimum.at(first, column, rank[present])
    rising = np.argsort(first)  # regions in the order of their first pixels
    number = np.zeros_like(rank)
    number[present] = np.argsort(rising)[column]
    members = np.packbits(np.take(matrix, rising, axis=1).T, axis=1)
    return Pool(renumbered(superpixels, number), members, scores[order].astype(np.float32))


def candidate_areas(matrix: NDArray[np.bool_], pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the areas of N candidates in pixels.

    Args:
        matrix: N×R superpixels of each candidate.
        pixels: R sizes of the superpixels.

    Example:
        >>> candidate_areas(np.array([[True, True], [False, True]]), np.array([3, 5]))
        array([8, 5])
    """
    return _areas(np.ascontiguousarray(matrix), pixels)


@compiled
def _areas(matrix: NDArray[np.bool_], pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    # NumPy multiplies booleans and integers without BLAS, twenty times slower.
    sums = np.zeros(len(matrix), np.int64)
    for n in range(len(matrix)):
        for r in range(matrix.shape[1]):
            sums[n] += pixels[r] * matrix[n, r]
    return sums


def distinct_rows(matrix: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the index of the first of each set of equal rows, rising.

    Example:
        >>> distinct_rows(np.array([[True, False], [True, True], [True, False]]))
        array([0, 1])
    """
    if not matrix.size:
        return np.arange(min(len(matrix), 1))
    packed = np.packbits(matrix, axis=1)
    rows = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    return np.sort(np.unique(rows, return_index=True)[1])


def tight_boxes(matrix: NDArray[np.bool_], boxes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the tight boxes of candidates, given those of their superpixels.

    Args:
        matrix: N×R superpixels of each candidate, none empty.
        boxes: R×4 half-open boxes of the superpixels.

    Returns:
        N×4 half-open boxes.

    Example:
        >>> tight_boxes(np.array([[True, True]]), np.array([[0, 0, 1, 2], [1, 0, 2, 2]], np.int32))
        array([[0, 0, 2, 2]], dtype=int32)
    """
    return _tight_boxes(np.ascontiguousarray(matrix), np.ascontiguousarray(boxes.T))


@compiled
def _tight_boxes(matrix: NDArray[np.bool_], sides: NDArray[np.int32]) -> NDArray[np.int32]:
    tight = np.empty((len(matrix), 4), np.int32)
    for n in range(len(matrix)):
        x0 = y0 = np.int32(2**31 - 1)
        x1 = y1 = np.int32(0)
        for r in range(matrix.shape[1]):
            if matrix[n, r]:
                x0, y0 = min(x0, sides[0, r]), min(y0, sides[1, r])
                x1, y1 = max(x1, sides[2, r]), max(y1, sides[3, r])
        tight[n, 0], tight[n, 1], tight[n, 2], tight[n, 3] = x0, y0, x1, y1
    return tight


def unique_columns(matrix: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Return the distinct columns, and for each column of `matrix` the index of its equal among them."""
    if not len(matrix):
        return matrix[:, :1], np.zeros(matrix.shape[1], np.intp)
    packed = np.ascontiguousarray(np.packbits(matrix, axis=0).T)
    columns = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, inverse = np.unique(columns, return_index=True, return_inverse=True)
    return np.take(matrix, first, axis=1), inverse.reshape(-1)
