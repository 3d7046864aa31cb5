"""One-to-one matching of two sets of boundary pixels that may lie some pixels apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled

NONE = -1


def match_boundaries(
    detected: NDArray[np.bool_], true: NDArray[np.bool_], distance: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Match as many pixels of two maps as possible, each with at most one pixel of the other map.

    The nearest pairs are matched first; then augmenting paths raise their number to the maximum (Berge 1957). The
    original benchmark (Martin, Fowlkes & Malik, PAMI 2004; `correspondPixels`) minimises the summed distance of an
    assignment in which a pixel without a partner costs 100 times the largest distance. It gives up a pair only if very
    many others would have to move for it, so its counts should be equal to ours or slightly smaller (we could not
    compare with its code). Where several matchings are equally good, the matched pixels may differ.

    Args:
        detected: H×W, a detector's thin lines.
        true: H×W, an annotator's boundaries.
        distance: Largest distance between the centres of matched pixels, px, inclusive.

    Returns:
        H×W: which pixels of `detected`, and which of `true`, have a partner; equally many of each.

    Raises:
        ValueError: The maps are of different sizes.
    """
    if detected.shape != true.shape:
        raise ValueError(f"expected two maps of one size, got {detected.shape} and {true.shape}")
    lefts, rights = np.argwhere(detected), np.argwhere(true)
    index = np.full(true.shape, NONE, np.int32)
    index[true] = np.arange(len(rights), dtype=np.int32)
    partners = np.full(len(lefts), NONE, np.int32)
    owners = np.full(len(rights), NONE, np.int32)
    offsets = _offsets(distance)
    _nearest_first(lefts, index, offsets, partners, owners)
    _augment(lefts, index, offsets, partners, owners)
    matched_detected, matched_true = np.zeros_like(detected), np.zeros_like(true)
    matched_detected[detected] = partners != NONE
    matched_true[true] = owners != NONE
    return matched_detected, matched_true


def _offsets(distance: float) -> NDArray[np.int64]:
    """Return all (dy, dx) within the distance, the nearest first: K×2."""
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
                # Pixels seen by a failed search stay seen: no later path can lead through them to a free pixel.
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
    """Search breadth first along alternating paths; return the free right pixel or NONE, and how many were seen."""
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
