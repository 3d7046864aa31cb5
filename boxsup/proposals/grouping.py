"""Hierarchical grouping of regions, Algorithm 1 of Uijlings et al. (IJCV 2013).

The most similar pair of neighbours merges, until one region is left. Regions are the nodes of a binary tree: 0…R-1 the
first ones, R…2R-2 the merged ones in the order of merging. So a node's number is above those of all its parts.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled
from boxsup.proposals.regions import RegionGraph, find, neighbour_lists

SIMILARITIES = "CTSF"  # colour, texture, size, fill; a name like "TSF" means their sum


def group_regions(
    graph: RegionGraph,
    colour: NDArray[np.int32],
    texture: NDArray[np.int32],
    similarities: str,
    strengths: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Merge neighbours greedily; ties go to the pair with the lowest numbers.

    A region has n pixels, the image has N, and histograms h add up to K n. The similarities of regions a and b are
    (equations 1, 3, 5 and 6 of the paper): colour and texture Σ min(h_a / K n_a, h_b / K n_b), size 1 - (n_a + n_b) /
    N, and fill 1 - (pixels of the box around both - n_a - n_b) / N. If `strengths` are given, the mean strength along
    the common border is subtracted (not in the paper).

    Args:
        graph: Graph of the first regions.
        colour: R×B histograms of colour, counts.
        texture: R×T histograms of texture, counts.
        similarities: Letters of `SIMILARITIES`: those to add up.
        strengths: E mean strengths of the borders, already weighted.

    Returns:
        The parent of each of the 2R-1 nodes; the last one, the whole image, is its own parent.
    """
    used = np.array([letter in similarities for letter in SIMILARITIES])
    # Histograms that no similarity uses need not be merged.
    colour, texture = (
        h[:, : h.shape[1] * (name in similarities)].copy() for name, h in zip("CT", (colour, texture), strict=True)
    )
    strength = np.zeros(len(graph.pairs)) if strengths is None else strengths * graph.lengths
    lengths = graph.lengths.astype(np.float64)
    return _merge(graph.pairs, lengths, strength, graph.pixels.copy(), graph.boxes.copy(), colour, texture, used)


@compiled
def _merge(
    pairs: NDArray[np.int64],
    lengths: NDArray[np.float64],
    strength: NDArray[np.float64],
    pixels: NDArray[np.int64],
    boxes: NDArray[np.int32],
    colour: NDArray[np.int32],
    texture: NDArray[np.int32],
    used: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Merge the regions of a graph. A merged region takes over its first part's row in pixels, boxes and histograms.

    When two regions merge, their borders with a third become one: the lengths and strengths (sums along the border)
    move to the pair with the lowest number, and the other pair keeps none.
    """
    regions, total = len(pixels), pixels.sum()
    nodes = 2 * regions - 1
    head, tail, follow, name = neighbour_lists(pairs, nodes)
    pair = np.arange(len(name)) >> 1  # that holds the border of an entry
    parent, root, row = np.arange(nodes), np.arange(nodes), np.arange(nodes)
    seen = np.full(nodes, -1)  # the entry of the merged node's list that names a neighbour
    heap = [
        (
            strength[e] / lengths[e]
            - _similarity(pairs[e, 0], pairs[e, 1], pixels, boxes, colour, texture, used, total),
            pairs[e, 0],
            pairs[e, 1],
        )
        for e in range(len(pairs))
    ]
    heapq.heapify(heap)
    node = regions
    while node < nodes:
        _, a, b = heapq.heappop(heap)
        if root[a] != a or root[b] != b:
            continue  # one of them has become part of another region
        parent[a] = parent[b] = root[a] = root[b] = node
        row[node] = row[a]
        _unite(row[a], row[b], pixels, boxes, colour, texture)
        follow[tail[a]] = head[b]
        head[node], tail[node] = _one_entry_each(head[a], node, root, follow, name, pair, seen, lengths, strength)
        entry = head[node]
        while entry >= 0:
            other, border = name[entry], pair[entry]
            seen[other] = -1
            similarity = _similarity(row[other], row[node], pixels, boxes, colour, texture, used, total)
            heapq.heappush(heap, (strength[border] / lengths[border] - similarity, other, node))
            entry = follow[entry]
        node += 1
    return parent


@compiled
def _one_entry_each(
    entry: int,
    node: int,
    root: NDArray[np.int64],
    follow: NDArray[np.int64],
    name: NDArray[np.int64],
    pair: NDArray[np.int64],
    seen: NDArray[np.int64],
    lengths: NDArray[np.float64],
    strength: NDArray[np.float64],
) -> tuple[int, int]:
    """Shorten a merged node's list, from `entry` on, to one entry per neighbour, with the whole border.

    Returns:
        The list's first and last entry, or -1.
    """
    first = last = -1
    while entry >= 0:
        after = follow[entry]
        other = find(root, name[entry])
        if other != node and seen[other] < 0:
            name[entry], seen[other] = other, entry
            if last < 0:
                first = entry
            else:
                follow[last] = entry
            last = entry
        elif other != node:
            kept = seen[other]
            low, high = min(pair[kept], pair[entry]), max(pair[kept], pair[entry])
            if low != high:
                lengths[low] += lengths[high]
                strength[low] += strength[high]
                lengths[high] = strength[high] = 0.0
            pair[kept] = low
        entry = after
    if last >= 0:
        follow[last] = -1
    return first, last


@compiled
def _unite(
    a: int,
    b: int,
    pixels: NDArray[np.int64],
    boxes: NDArray[np.int32],
    colour: NDArray[np.int32],
    texture: NDArray[np.int32],
) -> None:
    """Add row b to row a. Adding counts equals the size-weighted mean of the paper's histograms (equation 2)."""
    pixels[a] += pixels[b]
    colour[a] += colour[b]
    texture[a] += texture[b]
    for side in range(2):
        boxes[a, side] = min(boxes[a, side], boxes[b, side])
        boxes[a, 2 + side] = max(boxes[a, 2 + side], boxes[b, 2 + side])


@compiled
def _similarity(
    a: int,
    b: int,
    pixels: NDArray[np.int64],
    boxes: NDArray[np.int32],
    colour: NDArray[np.int32],
    texture: NDArray[np.int32],
    used: NDArray[np.bool_],
    total: int,
) -> float:
    similarity = 0.0
    if used[0]:
        similarity += _intersection(colour[a], colour[b])
    if used[1]:
        similarity += _intersection(texture[a], texture[b])
    if used[2]:
        similarity += 1 - (pixels[a] + pixels[b]) / total
    if used[3]:
        width = max(boxes[a, 2], boxes[b, 2]) - min(boxes[a, 0], boxes[b, 0])
        height = max(boxes[a, 3], boxes[b, 3]) - min(boxes[a, 1], boxes[b, 1])
        similarity += 1 - (width * height - pixels[a] - pixels[b]) / total
    return similarity


@compiled
def _intersection(a: NDArray[np.int32], b: NDArray[np.int32]) -> float:
    """Intersect two histograms, each divided by its sum; exact, since only the last step is not in whole numbers."""
    sum_a, sum_b, common = int(a.sum()), int(b.sum()), 0
    for k in range(len(a)):
        common += min(a[k] * sum_b, b[k] * sum_a)
    return common / (sum_a * sum_b)
