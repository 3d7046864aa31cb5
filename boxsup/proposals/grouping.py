"""Hierarchical grouping of regions, Algorithm 1 of Uijlings et al. (IJCV 2013).

The most similar pair of neighbours merges until one region is left. Regions are nodes of a binary tree: 0…R-1 the first
ones, R…2R-2 the merged ones in the order of merging, so that a node's number is above those of all it consists of.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from boxsup.proposals.compiled import compiled
from boxsup.proposals.regions import borders, find, neighbour_lists, region_boxes

SIMILARITIES = "CTSF"  # colour, texture, size, fill; a name like "TSF" is the sum of its letters


def group(
    labels: NDArray[np.int32],
    colour: NDArray[np.int32],
    texture: NDArray[np.int32],
    similarities: str,
) -> NDArray[np.int64]:
    """Merge neighbours greedily; a tie goes to the pair of lowest numbers.

    With n pixels of a region, N of the image and histograms h that add up to K n, for two regions a and b:
    colour and texture Σ min(h_a / K n_a, h_b / K n_b), size 1 - (n_a + n_b) / N, fill
    1 - (pixels of the box around both - n_a - n_b) / N; equations 1, 3, 5 and 6 of the paper.

    Args:
        labels: H×W region of each pixel, 0…R-1, every one of them present.
        colour: R×B histograms of colour, counts.
        texture: R×T histograms of texture, counts.
        similarities: Which ones are added up, letters of `SIMILARITIES`.

    Returns:
        The parent of each of the 2R-1 nodes; the last one, the whole image, is its own parent.
    """
    regions = len(colour)
    pairs, _ = borders(labels, regions)
    pixels = np.bincount(labels.ravel(), minlength=regions)
    used = np.array([letter in similarities for letter in SIMILARITIES])
    return _merge(pairs, pixels, region_boxes(labels, regions), colour.copy(), texture.copy(), used)


@compiled
def _merge(
    pairs: NDArray[np.int64],
    pixels: NDArray[np.int64],
    boxes: NDArray[np.int32],
    colour: NDArray[np.int32],
    texture: NDArray[np.int32],
    used: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """`group` on the graph of regions. A merged region takes over its first part's row in pixels, boxes, histograms."""
    regions, total = len(pixels), pixels.sum()
    nodes = 2 * regions - 1
    head, tail, follow, name = neighbour_lists(pairs, nodes)
    parent, root, row = np.arange(nodes), np.arange(nodes), np.arange(nodes)
    seen = np.full(nodes, -1)  # by which merged node a neighbour has been met
    heap = [(-_similarity(a, b, pixels, boxes, colour, texture, used, total), a, b) for a, b in pairs]
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
        entry, last = head[a], -1
        while entry >= 0:
            after = follow[entry]
            other = find(root, name[entry])
            if other != node and seen[other] != node:
                seen[other] = node
                similarity = _similarity(row[other], row[node], pixels, boxes, colour, texture, used, total)
                heapq.heappush(heap, (-similarity, other, node))
                if last < 0:
                    head[node] = entry
                else:
                    follow[last] = entry
                last = entry
            entry = after
        if last >= 0:
            follow[last] = -1
        tail[node] = last
        node += 1
    return parent


@compiled
def _unite(
    a: int,
    b: int,
    pixels: NDArray[np.int64],
    boxes: NDArray[np.int32],
    colour: NDArray[np.int32],
    texture: NDArray[np.int32],
) -> None:
    """Add row b to row a. Counts add up, as the paper's histograms do by their size-weighted mean (equation 2)."""
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
    """Intersection of two histograms, each divided by its sum: in whole numbers up to the last step, so exact."""
    sum_a, sum_b, common = int(a.sum()), int(b.sum()), 0
    for k in range(len(a)):
        common += min(a[k] * sum_b, b[k] * sum_a)
    return common / (sum_a * sum_b)
