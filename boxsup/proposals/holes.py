"""The superpixels of combinations of regions, with the holes that they enclose filled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled
from boxsup.proposals.combinations import Combinations
from boxsup.proposals.regions import RegionGraph


def combination_members(
    combinations: Combinations, rows: NDArray[np.int64], graph: RegionGraph, border: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the superpixels of some combinations, and those that they enclose.

    Args:
        combinations: The combinations of one tree.
        rows: Indices of M of them.
        graph: Graph of the superpixels.
        border: R, whether each superpixel touches the border of the image; what is connected to such a one is not
            enclosed.

    Returns:
        M×R.
    """
    leaf = combinations.leaf
    count = int(leaf.max()) + 1
    boxes = np.empty((count, 4), np.int32)
    boxes[:, :2], boxes[:, 2:] = np.iinfo(np.int32).max, -1
    np.minimum.at(boxes[:, :2], leaf, graph.boxes[:, :2])
    np.maximum.at(boxes[:, 2:], leaf, graph.boxes[:, 2:])
    outer = np.zeros(count, np.bool_)
    outer[leaf[border]] = True
    first, neighbour = _adjacency_lists(leaf[graph.pairs], count)
    united = _unite(combinations.nodes[rows], combinations.parent, boxes, outer, first, neighbour)
    return united[:, leaf]


def _adjacency_lists(pairs: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return `first` and `neighbour`: the neighbours of leaf k are `neighbour[first[k]:first[k + 1]]`."""
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    keys = np.unique(np.concatenate([pairs, pairs[:, ::-1]]) @ np.array([count, 1]))
    return np.searchsorted(keys, count * np.arange(count + 1)), keys % count


@compiled
def _unite(
    combinations: NDArray[np.int32],
    parent: NDArray[np.int64],
    boxes: NDArray[np.int32],
    outer: NDArray[np.bool_],
    first: NDArray[np.int64],
    neighbour: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return the leaves of M combinations with their holes filled: M×K."""
    leaves = len(boxes)
    below = np.zeros((len(parent), leaves), np.bool_)
    for leaf in range(leaves):
        node = leaf
        below[node, leaf] = True
        while parent[node] != node:
            node = parent[node]
            below[node, leaf] = True
    united = np.zeros((len(combinations), leaves), np.bool_)
    inside, queue = np.empty(leaves, np.bool_), np.empty(leaves, np.int64)
    for row in range(len(combinations)):
        for node in combinations[row]:
            if node >= 0:
                united[row] |= below[node]
        _fill_holes(united[row], boxes, outer, first, neighbour, inside, queue)
    return united


@compiled
def _fill_holes(
    member: NDArray[np.bool_],
    boxes: NDArray[np.int32],
    outer: NDArray[np.bool_],
    first: NDArray[np.int64],
    neighbour: NDArray[np.int64],
    inside: NDArray[np.bool_],
    queue: NDArray[np.int64],
) -> None:
    """Add the leaves that a set encloses. `inside` and `queue` are scratch space."""
    if not _within_box(member, boxes, outer, inside):
        return
    waiting = 0
    for leaf in range(len(member)):
        if not inside[leaf] and not member[leaf]:
            queue[waiting] = leaf
            waiting += 1
    while waiting > 0:  # flood from the leaves that are certainly not enclosed
        waiting -= 1
        leaf = queue[waiting]
        for entry in range(first[leaf], first[leaf + 1]):
            other = neighbour[entry]
            if inside[other]:
                inside[other] = False
                queue[waiting] = other
                waiting += 1
    member |= inside


@compiled
def _within_box(
    member: NDArray[np.bool_], boxes: NDArray[np.int32], outer: NDArray[np.bool_], inside: NDArray[np.bool_]
) -> bool:
    """Mark the leaves that a set may enclose, those within its box; return whether there are any."""
    x0 = y0 = np.int32(2**31 - 1)
    x1 = y1 = np.int32(-1)
    for leaf in range(len(member)):
        if member[leaf]:
            x0, y0 = min(x0, boxes[leaf, 0]), min(y0, boxes[leaf, 1])
            x1, y1 = max(x1, boxes[leaf, 2]), max(y1, boxes[leaf, 3])
    some = False
    for leaf in range(len(member)):
        within = boxes[leaf, 0] > x0 and boxes[leaf, 1] > y0 and boxes[leaf, 2] < x1 and boxes[leaf, 3] < y1
        inside[leaf] = within and not member[leaf] and not outer[leaf]
        some |= inside[leaf]
    return some
