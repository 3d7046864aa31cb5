"""One superpixel map for candidates of many partitions of an image."""

from __future__ import annotations

import heapq

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled
from boxsup.proposals.regions import borders, find, neighbour_lists

BLUR_SIGMA = 0.8  # px, of the graph segmentation; Uijlings et al., section 3.1


def graph_segmentation(space: NDArray[np.uint8], scale: int) -> NDArray[np.int32]:
    """Segment an image by the method of Felzenszwalb and Huttenlocher (IJCV 2004), with sigma 0.8.

    Args:
        space: H×W×C in [0, 255], C = 1 or 3.
        scale: Their k, and also the least size of a segment in pixels.

    Returns:
        H×W segment of each pixel, 0…R-1, every one of them present.

    Example:
        >>> image = np.zeros((20, 20, 1), np.uint8)
        >>> image[:, 10:] = 255
        >>> len(np.unique(graph_segmentation(image, 50)))
        2
    """
    segmenter = cv2.ximgproc.segmentation.createGraphSegmentation(BLUR_SIGMA, float(scale), scale)
    return np.ascontiguousarray(segmenter.processImage(space), np.int32).reshape(space.shape[:2])


def refine_partitions(partitions: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the pieces that several partitions of an image cut it into together.

    Args:
        partitions: P×H×W region of each pixel in each partition.

    Returns:
        H×W piece of each pixel, connected (4-neighbours) and numbered 0…A-1 in raster order; and the flat index of each
        piece's first pixel, A.

    Example:
        >>> refine_partitions(np.array([[[0, 0, 1, 1]], [[0, 1, 1, 1]]], np.int32))
        (array([[0, 1, 2, 2]], dtype=int32), array([0, 1, 2]))
    """
    return _connected(np.ascontiguousarray(partitions))


def merge_small(labels: NDArray[np.int32], regions: int, min_pixels: int) -> NDArray[np.int64]:
    """Merge the smallest region into the neighbour with the longest common border, until no region is too small.

    Ties go to the lowest number.

    Args:
        labels: H×W region of each pixel, 0…regions-1, every one of them present.
        regions: R, number of regions.
        min_pixels: Least size of a region, unless it is the whole image.

    Returns:
        The superpixel of each of the R regions, 0…S-1, numbered in the order of the regions that the others merged
        into.

    Example:
        >>> merge_small(np.array([[0, 0, 1, 2, 2]], np.int32), 3, 2)
        array([0, 0, 1])
    """
    pairs, lengths = borders(labels, regions)
    roots = _absorb(pairs, lengths, np.bincount(labels.ravel(), minlength=regions), min_pixels)
    return np.unique(roots, return_inverse=True)[1].reshape(-1).astype(np.int64)


def majority_nodes(
    parent: NDArray[np.int64], leaves: NDArray[np.int32], pixels: NDArray[np.int64], superpixels: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return, for each superpixel, the lowest node of a tree that covers more than half of it.

    Two such nodes overlap, so one is above the other: all nodes that cover more than half are this node and those
    above.

    Args:
        parent: Parent of each node, numbers rising towards the root, which is its own parent.
        leaves: The leaf that holds each of A pieces.
        pixels: Sizes of the pieces.
        superpixels: The superpixel, 0…S-1, that each piece belongs to.

    Returns:
        S nodes.

    Example:
        >>> root, leaves = np.array([2, 2, 2]), np.array([0, 1, 1], np.int32)  # two leaves below a root
        >>> majority_nodes(root, leaves, np.array([3, 1, 2]), np.array([0, 0, 1]))
        array([0, 1])
    """
    # Largest piece first: it usually decides, and the walks of the others end early.
    order = np.lexsort((-pixels, superpixels))
    bounds = np.searchsorted(superpixels[order], np.arange(superpixels.max() + 2))
    return _lowest_majority(parent, leaves[order].astype(np.int64), pixels[order], bounds)


def node_members(parent: NDArray[np.int64], nodes: NDArray[np.int64], lowest: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which superpixels belong to which nodes of a tree.

    Args:
        parent: Parent of each node, numbers rising towards the root, which is its own parent.
        nodes: N nodes.
        lowest: The lowest node that each of S superpixels belongs to; it belongs to all nodes above, too.

    Returns:
        N×S.

    Example:
        >>> node_members(np.array([2, 2, 2]), np.array([0, 2]), np.array([0, 1]))
        array([[ True, False],
               [ True,  True]])
    """
    first, behind = _intervals(parent)
    number = first[lowest][None]
    return (first[nodes][:, None] <= number) & (number < behind[nodes][:, None])


@compiled
def _connected(partitions: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    count, height, width = partitions.shape
    root = np.arange(height * width)
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0)):
                if y < dy or x < dx:
                    continue
                same = True
                for p in range(count):
                    same &= partitions[p, y, x] == partitions[p, y - dy, x - dx]
                if same:
                    a, b = find(root, y * width + x), find(root, (y - dy) * width + x - dx)
                    root[max(a, b)] = min(a, b)
    pieces, firsts = np.empty(height * width, np.int32), np.empty(height * width, np.int64)
    found = 0
    for pixel in range(height * width):
        first = find(root, pixel)
        if first == pixel:
            firsts[found] = pixel
            pieces[pixel] = found
            found += 1
        else:
            pieces[pixel] = pieces[first]
    return pieces.reshape(height, width), firsts[:found].copy()


@compiled
def _absorb(
    pairs: NDArray[np.int64], lengths: NDArray[np.int64], pixels: NDArray[np.int64], min_pixels: int
) -> NDArray[np.int64]:
    regions = len(pixels)
    pixels = pixels.copy()
    head, tail, follow, name = neighbour_lists(pairs, regions)
    root, border = np.arange(regions), np.zeros(regions, np.int64)
    heap = [(pixels[region], region) for region in range(regions) if pixels[region] < min_pixels]
    heapq.heapify(heap)
    while len(heap) > 0:
        size, small = heapq.heappop(heap)
        if root[small] != small or pixels[small] != size:
            continue  # it has been merged or has grown in the meantime
        best = _longest_border(small, root, head, follow, name, lengths, border)
        if best < 0:
            break  # it has no neighbour left
        root[small] = best
        pixels[best] += size
        follow[tail[best]] = head[small]
        tail[best] = tail[small]
        if pixels[best] < min_pixels:
            heapq.heappush(heap, (pixels[best], best))
    for region in range(regions):
        root[region] = find(root, region)
    return root


@compiled
def _longest_border(
    region: int,
    root: NDArray[np.int64],
    head: NDArray[np.int64],
    follow: NDArray[np.int64],
    name: NDArray[np.int64],
    lengths: NDArray[np.int64],
    border: NDArray[np.int64],
) -> int:
    """Return the neighbour with the longest common border, or -1; `border` is all zeros before and after."""
    best = -1
    entry = head[region]
    while entry >= 0:
        other = find(root, name[entry])
        if other != region:
            border[other] += lengths[entry >> 1]
            longer = best < 0 or border[other] > border[best]
            if longer or (border[other] == border[best] and other < best):
                best = other
        entry = follow[entry]
    entry = head[region]
    while entry >= 0:
        border[find(root, name[entry])] = 0
        entry = follow[entry]
    return best


@compiled
def _lowest_majority(
    parent: NDArray[np.int64], leaves: NDArray[np.int64], pixels: NDArray[np.int64], bounds: NDArray[np.int64]
) -> NDArray[np.int64]:
    lowest = np.empty(len(bounds) - 1, np.int64)
    root = len(parent) - 1
    part = np.zeros(len(parent), np.int64)  # pixels of this superpixel that a node holds
    for superpixel in range(len(lowest)):
        pieces = range(bounds[superpixel], bounds[superpixel + 1])
        total = 0
        for piece in pieces:
            total += pixels[piece]
        best = root
        for piece in pieces:
            node = leaves[piece]
            while node < best:  # nodes from `best` on upwards cannot be lower than it
                part[node] += pixels[piece]
                if 2 * part[node] > total:
                    best = node
                node = parent[node]
        for piece in pieces:
            node = leaves[piece]
            while part[node] > 0:
                part[node] = 0
                node = parent[node]
        lowest[superpixel] = best
    return lowest


@compiled
def _intervals(parent: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the nodes in preorder: the nodes below a node have the numbers from `first` to before `behind`."""
    nodes = len(parent)
    size = np.ones(nodes, np.int64)
    for node in range(nodes - 1):
        size[parent[node]] += size[node]
    first, free = np.zeros(nodes, np.int64), np.ones(nodes, np.int64)
    for node in range(nodes - 2, -1, -1):
        first[node] = free[parent[node]]
        free[parent[node]] += size[node]
        free[node] = first[node] + 1
    return first, first + size
