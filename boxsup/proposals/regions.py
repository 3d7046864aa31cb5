"""The regions of a partition as a graph: sizes, boxes, borders, and lists of neighbours that join in constant time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled


@dataclass(frozen=True, eq=False)
class RegionGraph:
    """The R regions of a partition and the E pairs of them that touch.

    Attributes:
        pixels: R sizes.
        boxes: R×4 tight half-open boxes.
        pairs: E×2 regions that touch; see `borders`.
        lengths: E border lengths in pixel sides.
    """

    pixels: NDArray[np.int64]
    boxes: NDArray[np.int32]
    pairs: NDArray[np.int64]
    lengths: NDArray[np.int64]


def region_graph(labels: NDArray[np.integer]) -> RegionGraph:
    """Build the graph of an H×W partition whose regions 0…R-1 are all present.

    >>> region_graph(np.array([[0, 1], [0, 2]])).pixels
    array([2, 1, 1])
    """
    pixels = np.bincount(labels.ravel())
    return RegionGraph(pixels, region_boxes(labels, len(pixels)), *borders(labels, len(pixels)))


def region_boxes(labels: NDArray[np.integer], regions: int) -> NDArray[np.int32]:
    """Return the tight box of each region.

    Args:
        labels: H×W region of each pixel, 0…regions-1, every one of them present.
        regions: R, number of regions.

    Returns:
        R×4 half-open pixel corners x0, y0, x1, y1.

    Example:
        >>> region_boxes(np.array([[0, 1], [0, 1]]), 2)
        array([[0, 0, 1, 2],
               [1, 0, 2, 2]], dtype=int32)
    """
    return _region_boxes(np.ascontiguousarray(labels), regions)


@compiled
def _region_boxes(labels: NDArray[np.integer], regions: int) -> NDArray[np.int32]:
    height, width = labels.shape
    boxes = np.zeros((regions, 4), np.int32)
    boxes[:, 0], boxes[:, 1] = width, height
    for y in range(height):
        for x in range(width):
            box = boxes[labels[y, x]]
            box[0], box[1] = min(box[0], x), min(box[1], y)
            box[2], box[3] = max(box[2], x + 1), max(box[3], y + 1)
    return boxes


def borders(labels: NDArray[np.integer], regions: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of regions that touch (4-neighbours) and the lengths of their common borders.

    Args:
        labels: H×W region of each pixel, 0…regions-1.
        regions: R, number of regions.

    Returns:
        E×2 pairs (lower, higher region) in lexicographic order, and E border lengths in pixel sides.

    Example:
        >>> borders(np.array([[0, 1], [0, 2]]), 3)
        (array([[0, 1],
               [0, 2],
               [1, 2]]), array([1, 1, 1]))
    """
    wide = labels.astype(np.int64)
    across = [(wide[:, :-1], wide[:, 1:]), (wide[:-1], wide[1:])]
    keys = [(np.minimum(a, b) * regions + np.maximum(a, b))[a != b] for a, b in across]
    unique, lengths = np.unique(np.concatenate(keys), return_counts=True)
    return np.stack([unique // regions, unique % regions], axis=1), lengths.astype(np.int64)


def border_means(
    labels: NDArray[np.integer], pairs: NDArray[np.int64], values: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Average, along each common border, the greater of the values on its two sides.

    Args:
        labels: H×W region of each pixel, 0…R-1.
        pairs: E×2 pairs of regions that touch, as `borders` gives them.
        values: H×W, for instance the strength of contours.

    Returns:
        E means.

    Example:
        >>> labels, strength = np.array([[0, 1], [0, 1]]), np.array([[0.0, 0.5], [1.0, 0.0]])
        >>> border_means(labels, np.array([[0, 1]]), strength)
        array([0.75])
    """
    regions = int(labels.max()) + 1
    wide, known = labels.astype(np.int64), pairs[:, 0] * regions + pairs[:, 1]
    total, count = np.zeros(len(pairs)), np.zeros(len(pairs))
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        a, b = wide[one], wide[other]
        across = a != b
        border = np.searchsorted(known, (np.minimum(a, b) * regions + np.maximum(a, b))[across])
        total += np.bincount(border, np.maximum(values[one], values[other])[across], len(pairs))
        count += np.bincount(border, minlength=len(pairs))
    return total / count


def border_regions(labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the regions of an H×W partition that touch the border of the image, rising.

    >>> border_regions(np.array([[0, 0, 0], [0, 1, 0], [0, 2, 0]]))
    array([0, 2])
    """
    return np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])).astype(np.int64)


def raster_order(labels: NDArray[np.integer], regions: int) -> NDArray[np.int64]:
    """Return the number of each region if regions are numbered in the order of their first pixels, row by row.

    Args:
        labels: H×W region of each pixel, 0…regions-1; numbers may be missing.
        regions: R, number of regions.

    Returns:
        R numbers; -1 for a region without a pixel.

    Example:
        >>> raster_order(np.array([[2, 0], [1, 1]]), 4)
        array([ 1,  2,  0, -1])
    """
    return _raster_order(labels, regions)


@compiled
def _raster_order(labels: NDArray[np.integer], regions: int) -> NDArray[np.int64]:
    number = np.full(regions, -1)
    found = 0
    for label in labels.flat:
        if number[label] < 0:
            number[label] = found
            found += 1
            if found == regions:
                break
    return number


def renumbered(labels: NDArray[np.integer], number: NDArray[np.integer]) -> NDArray[np.uint16]:
    """Return the labels with other numbers: `number[labels]`, without NumPy's copy of the labels in 64 bits.

    Args:
        labels: H×W region of each pixel, 0…R-1.
        number: R numbers, 0…65,535 where a pixel has the region.

    Example:
        >>> renumbered(np.array([[2, 0], [1, 1]]), np.array([5, 6, 7]))
        array([[7, 5],
               [6, 6]], dtype=uint16)
    """
    return _renumbered(np.ascontiguousarray(labels), number.astype(np.uint16))


@compiled
def _renumbered(labels: NDArray[np.integer], number: NDArray[np.uint16]) -> NDArray[np.uint16]:
    changed = np.empty(labels.shape, np.uint16)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            changed[y, x] = number[labels[y, x]]
    return changed


@compiled
def neighbour_lists(
    pairs: NDArray[np.int64], nodes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Build linked lists of neighbours.

    Pair e has two entries: 2e in the list of its first region, naming the second, and 2e+1 the other way round. To join
    two lists, set `follow[tail[a]] = head[b]`; then resolve the names in them by `find`.

    Args:
        pairs: E×2 regions that touch.
        nodes: Length of `head` and `tail`.

    Returns:
        `head` and `tail`, the first and last entry of each region's list or -1; `follow`, the next entry after each
        entry or -1; and `name`, the region that each entry names.
    """
    head, tail = np.full(nodes, -1), np.full(nodes, -1)
    follow, name = np.full(2 * len(pairs), -1), np.empty(2 * len(pairs), np.int64)
    for entry in range(2 * len(pairs)):
        owner = pairs[entry >> 1, entry & 1]
        name[entry] = pairs[entry >> 1, 1 - (entry & 1)]
        if head[owner] < 0:
            head[owner] = entry
        else:
            follow[tail[owner]] = entry
        tail[owner] = entry
    return head, tail, follow, name


@compiled
def find(root: NDArray[np.int64], region: int) -> int:
    """Return the region that `region` has been merged into, by union-find with path halving.

    >>> find(np.array([0, 0, 1]), 2)
    0
    """
    while root[region] != region:
        root[region] = root[root[region]]
        region = root[region]
    return region
