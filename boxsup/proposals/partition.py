"""The partition of an image that a set of masks makes: every mask is a union of its parts, exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boxsup.errors import DataError
from boxsup.machine.compiled import compiled
from boxsup.proposals.pool import MAX_REGIONS


def partition(masks: Sequence[NDArray[np.int64]], size: tuple[int, int]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The coarsest partition in which each mask is a set of regions, by refinement mask by mask.

    A mask splits each region that it holds a part of: what lies inside gets a new number. No mask is made dense, and
    nothing is hashed, so there is nothing to collide. Takes O(pixels + N·R/8) bytes beside the N×R of the answer.

    Args:
        masks: N masks, each K×2 runs of pixels in column-major order; see `boxsup.image.runs`.
        size: Height and width of the image in pixels, both above 0.

    Returns:
        H×W region of each pixel, 0…R-1, every one of them present; and N×R, which regions each mask consists of.

    Raises:
        DataError: The masks cut the image into more than 65,535 regions.
    """
    pixels = size[0] * size[1]
    labels, areas = np.zeros(pixels, np.int32), np.zeros(pixels, np.int32)
    parent, heir, inside = np.zeros_like(areas), np.zeros_like(areas), np.zeros_like(areas)
    areas[0], regions = pixels, 1
    rows: list[NDArray[np.uint8]] = []  # the regions of each mask when it was reached, as bits
    known: list[int] = []  # and how many there were
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
    """Split the regions that a mask holds a part of, and say how many regions there are then.

    Args:
        labels: Region of each pixel, changed in place.
        runs: K×2, the mask.
        regions: Their number so far.
        areas: Their sizes; the places behind `regions` are free, here and below.
        parent: The region that each was split from.
        heir: Room for the new number of a region's inner part.
        inside: On return the pixels that the mask holds of each region: all or none.
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
    """Give the regions from `known` on, split off after the row was made, their parents' places in it."""
    for region in range(known, len(row)):
        row[region] = row[parent[region]]
