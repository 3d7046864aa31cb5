"""The partition of an image by a set of masks: every mask is exactly a union of its regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boxsup.errors import DataError
from boxsup.machine.compiled import compiled
from boxsup.proposals.pool import MAX_REGIONS


def partition(masks: Sequence[NDArray[np.int64]], size: tuple[int, int]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Compute the coarsest partition in which each mask is a set of regions, by refining it mask by mask.

    A mask splits each region that it partly holds: the inner part gets a new number. No mask is made dense, and nothing
    is hashed, so nothing can collide. It takes O(pixels + N·R/8) bytes besides the N×R of the result.

    Args:
        masks: N masks, each K×2 runs of pixels in column-major order; see `boxsup.image.runs`.
        size: Height and width of the image in pixels, both above 0.

    Returns:
        H×W region of each pixel, 0…R-1, every one of them present; and N×R, which regions each mask consists of.

    Raises:
        DataError: The masks cut the image into more than 65,535 regions.

    Example:
        >>> partition([np.array([[0, 2]]), np.array([[1, 3]])], (1, 4))
        (array([[1, 3, 2, 0]], dtype=int32), array([[False,  True, False,  True],
               [False, False,  True,  True]]))
    """
    pixels = size[0] * size[1]
    labels, areas = np.zeros(pixels, np.int32), np.zeros(pixels, np.int32)
    parent, heir, inside = np.zeros_like(areas), np.zeros_like(areas), np.zeros_like(areas)
    areas[0], regions = pixels, 1
    rows: list[NDArray[np.uint8]] = []  # the regions of each mask at its turn, as bits
    known: list[int] = []  # how many regions there were then
    for runs in masks:
        regions = _split(labels, runs, regions, areas, parent, heir, inside)
        if regions > MAX_REGIONS:
            raise DataError(
                f"candidates cut the image into more than {MAX_REGIONS:,} superpixels, the most that can be stored; "
                "lower max_candidates or raise min_area"
            )
        rows.append(np.packbits(inside[:regions] > 0))
        known.append(regions)
    matrix = np.zeros((len(masks), regions), np.bool_)
    for row, bits, count in zip(matrix, rows, known, strict=True):
        row[:count] = np.unpackbits(bits, count=count)
        _inherit(row, parent, count)
    return np.ascontiguousarray(labels.reshape(size[::-1]).T), matrix


@compiled
def _split(
    labels: NDArray[np.int32],
    runs: NDArray[np.int64],
    regions: int,
    areas: NDArray[np.int32],
    parent: NDArray[np.int32],
    heir: NDArray[np.int32],
    inside: NDArray[np.int32],
) -> int:
    """Split the regions that a mask partly holds, and return the new number of regions.

    Args:
        labels: Region of each pixel, changed in place.
        runs: K×2 runs of the mask.
        regions: Number of regions so far.
        areas: Sizes of the regions; entries from `regions` on are free, here and below.
        parent: The region that each region was split from.
        heir: Scratch space for the new number of a region's inner part.
        inside: On return, the number of pixels that the mask holds of each region: all or none.
    """
    inside[:regions] = 0
    for k in range(len(runs)):
        for pixel in range(runs[k, 0], runs[k, 1]):
            inside[labels[pixel]] += 1
    before = regions
    for region in range(before):
        heir[region] = region
        if 0 < inside[region] < areas[region]:
            heir[region], parent[regions] = regions, region
            areas[regions] = inside[regions] = inside[region]
            areas[region] -= inside[region]
            inside[region] = 0
            regions += 1
    if regions > before:
        for k in range(len(runs)):
            for pixel in range(runs[k, 0], runs[k, 1]):
                labels[pixel] = heir[labels[pixel]]
    return regions


@compiled
def _inherit(row: NDArray[np.bool_], parent: NDArray[np.int32], known: int) -> None:
    """Give regions that were split off after the row was made, from `known` on, the values of their parents."""
    for region in range(known, len(row)):
        row[region] = row[parent[region]]
