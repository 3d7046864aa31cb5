"""One-to-one matching of two sets of boundary pixels that may lie some pixels apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled

NONE = -1


def match_boundaries(
    found: NDArray[np.bool_], true: NDArray[np.bool_], distance: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Match as many pixels of two maps as can be, each to at most one of the other map.

    The nearest pairs are matched first, then augmenting paths raise their number to the largest possible (Berge 1957).
    The original benchmark (Martin, Fowlkes & Malik, PAMI 2004; `correspondPixels`) minimises the summed distance of an
    assignment in which a pixel without a partner costs 100 times the largest distance: it forgoes a pair only where
    very many others would have to move for it, so its counts should be ours or slightly smaller (its code was not at
    hand to compare). Which pixels are matched may differ where several are as good.

    Args:
        found: H×W, a detector's thin lines.
        true: H×W, an annotator's.
        distance: The largest between the centres of matched pixels, px, inclusive.

    Returns:
        H×W: which pixels of `found`, and which of `true`, have a partner; as many of each.

    Raises:
        ValueError: The maps are of different sizes.
    """
    if found.shape != true.shape:
        raise ValueError(f"expected two maps of one size, got {found.shape} and {true.shape}")
    lefts, rights = np.argwhere(found), np.argwhere(true)
    index = np.full(true.shape, NONE, np.int32)
    index[true] = np.arange(len(rights), dtype=np.int32)
    partners = np.full(len(lefts), NONE, np.int32)
    owners = np.full(len(rights), NONE, np.int32)
    offsets = _offsets(distance)
    _nearest_first(lefts, index, offsets, partners, owners)
    _augment(lefts, index, offsets, partners, owners)
    matched_found, matched_true = np.zeros_like(found), np.zeros_like(true)
    matched_found[found] = partners != NONE
    matched_true[true] = owners != NONE
    return matched_found, matched_true


def _offsets(distance: float) -> NDArray[np.int64]:
    """K×2 (dy, dx) within the distance, the nearest first."""
    reach = int(distance)
    grid = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T
    squares = (grid**2).sum(axis=1)
    near = squares <= distance**2
    return np.ascontiguousarray(grid[near][np.argsort(squares[near], kind="stable")])


@compiled
def _nearest_first(
    lefts: NDArray[np.int64],
    index: NDArray[np.int32],
    offsets: NDArray[np.int64],
    partners: NDArray[np.int32],
    owners: NDArray[np.int32],
) -> None:
    for k in range(len(offsets)):
        for left in range(len(lefts)):
            if partners[left] == NONE:
                right = _at(index, lefts[left, 0] + offsets[k, 0], lefts[left, 1] + offsets[k, 1])
                if right != NONE and owners[right] == NONE:
                    partners[left], owners[right] = right, left


@compiled
def _augment(
    lefts: NDArray[np.int64],
    index: NDArray[np.int32],
    offsets: NDArray[np.int64],
    partners: NDArray[np.int32],
    owners: NDArray[np.int32],
) -> None:
    seen = np.zeros(len(owners), np.bool_)
    come_from = np.empty(len(owners), np.int32)  # the left pixel that each right one was reached from
    reached = np.empty(len(owners), np.int32)
    for start in range(len(lefts)):
        if partners[start] == NONE:
            free, count = _search(start, lefts, index, offsets, owners, seen, come_from, reached)
            if free != NONE:
                _flip(start, free, partners, owners, come_from)
                # What a search in vain has seen stays seen: no later path can lead through it to a free pixel.
                seen[reached[:count]] = False


@compiled
def _search(
    start: int,
    lefts: NDArray[np.int64],
    index: NDArray[np.int32],
    offsets: NDArray[np.int64],
    owners: NDArray[np.int32],
    seen: NDArray[np.bool_],
    come_from: NDArray[np.int32],
    reached: NDArray[np.int32],
) -> tuple[int, int]:
    """Breadth first along alternating paths: the free right pixel that is reached, or none, and how many were seen."""
    count, done, left = 0, 0, start
    while True:
        for k in range(len(offsets)):
            right = _at(index, lefts[left, 0] + offsets[k, 0], lefts[left, 1] + offsets[k, 1])
            if right != NONE and not seen[right]:
                seen[right], come_from[right], reached[count] = True, left, right
                count += 1
                if owners[right] == NONE:
                    return right, count
        if done == count:
            return NONE, count
        left = owners[reached[done]]
        done += 1


@compiled
def _flip(
    start: int, free: int, partners: NDArray[np.int32], owners: NDArray[np.int32], come_from: NDArray[np.int32]
) -> None:
    right = free
    while True:
        left = come_from[right]
        before = partners[left]
        partners[left], owners[right] = right, left
        if left == start:
            return
        right = before


@compiled
def _at(index: NDArray[np.int32], y: int, x: int) -> int:
    height, width = index.shape
    if y < 0 or x < 0 or y >= height or x >= width:
        return NONE
    return int(index[y, x])
