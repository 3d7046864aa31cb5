"""Combinations of a hierarchy's regions that touch: singles, pairs, triplets, quadruples.

Pont-Tuset, Arbeláez, Barron, Marques & Malik, PAMI 2017 (MCG), section 5: the tree is taken apart from the top; each
new region is combined with neighbours that exist at the same time. So an object that no single region of the hierarchy
covers can be found as the union of a few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled
from boxsup.proposals.hierarchy import top_of_tree
from boxsup.proposals.regions import RegionGraph

MAX_SIZE = 4  # most regions in a combination


@dataclass(frozen=True, eq=False)
class Combinations:
    """The combinations that one tree yields.

    Attributes:
        nodes: N×4 nodes of the cut tree, -1 if a combination has fewer; in the order in which they are found.
        leaf: R, the leaf of the cut tree, 0…K-1, that holds each superpixel.
        parent: Parent of each of the cut tree's 2K-1 nodes.
    """

    nodes: NDArray[np.int32]
    leaf: NDArray[np.int64]
    parent: NDArray[np.int64]


def combine(parent: NDArray[np.int64], graph: RegionGraph, leaves: int, limits: tuple[int, ...]) -> Combinations:
    """List the combinations of the upper part of a tree.

    Args:
        parent: Parent of each of the 2R-1 nodes; see `boxsup.proposals.hierarchy`.
        graph: Graph of the superpixels.
        leaves: K, number of regions that the tree is cut to.
        limits: How many singles, pairs, triplets and quadruples there may be.
    """
    leaf, top = top_of_tree(parent, leaves)
    count = (len(top) + 1) // 2
    touching = np.zeros((count, count), np.bool_)
    a, b = leaf[graph.pairs].T
    touching[a, b] = touching[b, a] = True
    neighbours = _neighbours(top, touching)
    return Combinations(_enumerate(top, neighbours, np.array(limits, np.int64)), leaf, top)


def set_hashes(combinations: Combinations, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash the superpixels of each combination: equal sets have equal hashes, whatever tree they come from.

    Args:
        combinations: The N combinations of one tree.
        keys: R random numbers, one per superpixel; a set's hash is the exclusive or of its members' numbers.

    Returns:
        N hashes.
    """
    nodes = np.zeros(len(combinations.parent) + 1, np.uint64)  # the last one stands for "no node"
    np.bitwise_xor.at(nodes, combinations.leaf, keys)
    _sum_up(combinations.parent, nodes)
    return np.asarray(np.bitwise_xor.reduce(nodes[combinations.nodes], axis=1), np.uint64)


@compiled
def _neighbours(parent: NDArray[np.int64], touching: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which nodes touch (neither being above the other), given which leaves touch."""
    nodes, leaves = len(parent), len(touching)
    touch, above = np.zeros((nodes, nodes), np.bool_), np.zeros((nodes, nodes), np.bool_)
    touch[:leaves, :leaves] = touching
    for node in range(nodes):
        above[node, node] = True
        upper = parent[node]
        if upper == node:
            continue
        # A node is complete when its turn comes, since its parts have lower numbers.
        for other in range(nodes):
            if touch[node, other]:
                touch[upper, other] = touch[other, upper] = True
            if above[node, other]:
                above[upper, other] = above[other, upper] = True
    for node in range(nodes):
        for other in range(nodes):
            if above[node, other]:
                touch[node, other] = False
    return touch


@compiled
def _enumerate(parent: NDArray[np.int64], touch: NDArray[np.bool_], limits: NDArray[np.int64]) -> NDArray[np.int32]:
    """Take the tree apart from the top and list what each new region can be combined with.

    A combination grows by one region at a time, each a neighbour of an earlier one. A quadruple may be listed twice, in
    two orders of growth; equal sets are dropped later, like those of different trees.
    """
    nodes, leaves = len(parent), (len(parent) + 1) // 2
    found, counts = np.full((limits.sum(), MAX_SIZE), -1, np.int32), np.zeros(MAX_SIZE, np.int64)
    alive, present = np.empty(nodes, np.int64), 1
    alive[0] = nodes - 1
    rows = _add(found, 0, counts, limits, nodes - 1, -1, -1, -1)
    for node in range(nodes - 1, leaves - 1, -1):
        present = _replace(alive, present, node, parent)
        for new in alive[present - 2 : present]:
            rows = _add(found, rows, counts, limits, new, -1, -1, -1)
            sibling = alive[present - 2] + alive[present - 1] - new
            for i in range(present):
                if alive[i] == sibling or not touch[new, alive[i]]:
                    continue
                rows = _add(found, rows, counts, limits, new, alive[i], -1, -1)
                if counts[2] < limits[2] or counts[3] < limits[3]:
                    rows = _grow(found, rows, counts, limits, alive[:present], touch, new, sibling, i)
        if (counts >= limits).all():
            break
    return found[:rows]


@compiled
def _replace(alive: NDArray[np.int64], present: int, node: int, parent: NDArray[np.int64]) -> int:
    """Replace a node by its two parts, at the end of the list; return how many regions there are now."""
    for i in range(present):
        if alive[i] == node:
            alive[i] = alive[present - 1]
            break
    present -= 1
    for part in range(node):
        if parent[part] == node:
            alive[present] = part
            present += 1
    return present


@compiled
def _grow(
    found: NDArray[np.int32],
    rows: int,
    counts: NDArray[np.int64],
    limits: NDArray[np.int64],
    alive: NDArray[np.int64],
    touch: NDArray[np.bool_],
    new: int,
    sibling: int,
    i: int,
) -> int:
    """List the triplets and quadruples that a pair grows to; return the number of rows."""
    second = alive[i]
    for j in range(len(alive)):
        third = alive[j]
        if third in (new, sibling, second):
            continue
        # Of two orders in which the same regions could have been added, only the first counts.
        if not (touch[new, third] or touch[second, third]) or (touch[new, third] and j < i):
            continue
        rows = _add(found, rows, counts, limits, new, second, third, -1)
        if counts[3] >= limits[3]:
            continue
        for k in range(len(alive)):
            fourth = alive[k]
            if fourth in (new, sibling, second, third):
                continue
            early = touch[new, fourth] or touch[second, fourth]
            if not (early or touch[third, fourth]) or (early and k < j):
                continue
            rows = _add(found, rows, counts, limits, new, second, third, fourth)
    return rows


@compiled
def _add(
    found: NDArray[np.int32],
    row: int,
    counts: NDArray[np.int64],
    limits: NDArray[np.int64],
    a: int,
    b: int,
    c: int,
    d: int,
) -> int:
    """Add a combination if the limit of its size is not reached; return the next free row."""
    size = 0 if b < 0 else 1 if c < 0 else 2 if d < 0 else 3
    if counts[size] >= limits[size]:
        return row
    counts[size] += 1
    found[row, 0], found[row, 1], found[row, 2], found[row, 3] = a, b, c, d
    return row + 1


@compiled
def _sum_up(parent: NDArray[np.int64], set_hashes: NDArray[np.uint64]) -> None:
    for node in range(len(parent) - 1):
        set_hashes[parent[node]] ^= set_hashes[node]
