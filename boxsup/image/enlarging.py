"""Carries regions that were found on a reduced image to the image's full size, along the edges in its pixels.

The reduced map is doubled again and again. After each doubling a watershed of the image's colours grows every region
anew from what lies more than MARGIN px inside of it; then each pixel at a border goes to the region around it whose
colour and whose pixels it shares. So a border moves by a pixel or two on each level. On VOC's photographs, reduced to a
quarter of their sides, this makes the best candidates better than enlarging alone does: docs/proposals.md has figures.

Memory is some 10 bytes for each pixel of the image besides the image. Time grows with the pixels too, but slowly: only
the pixels along borders are weighed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.image.scaling import reduced, sampled
from boxsup.machine.compiled import compiled

MARGIN = 2  # px on each side of a border that the watershed decides about, on each level
REACH = 3  # px: a pixel is compared with the mean colours of superpixels in the window of this half side
COHERENCE = 3000.0  # what one of a pixel's eight neighbours in a superpixel is worth, in squared grey levels


def enlarged(superpixels: NDArray[np.uint16], image: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Enlarge a map of superpixels to the size of its image, so that borders follow the edges of the image.

    Args:
        superpixels: h×w, numbers 0…R-1, every one present.
        image: H×W×3 uint8 RGB, H ≥ h and W ≥ w.

    Returns:
        H×W with the same numbers, every one present.

    Example:
        >>> image = np.zeros((2, 8, 3), np.uint8)
        >>> image[:, 5:] = 255
        >>> enlarged(np.array([[0, 0, 1, 1]], np.uint16), image)[0]
        array([0, 0, 0, 0, 0, 1, 1, 1], dtype=uint16)
    """
    labels, full = np.ascontiguousarray(superpixels), image.shape[:2]
    regions = int(labels.max()) + 1
    for height, width in _levels(labels.shape, full):
        labels = np.ascontiguousarray(sampled(labels, (height, width)))
        pixels = np.ascontiguousarray(reduced(image, height, width))
        counts = _watershed(labels, pixels, regions)
        _join_alike(labels, pixels, counts)
    return labels


def enlarged_labels(labels: NDArray[np.uint8], image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Enlarge a label map of a reduced image to the image's size, along its edges.

    Args:
        labels: h×w, any values.
        image: H×W×3 uint8 RGB, H ≥ h and W ≥ w.

    Returns:
        H×W with the same values; the map itself if it has the image's size.
    """
    if labels.shape == image.shape[:2]:
        return labels
    values, regions = np.unique(labels, return_inverse=True)
    return np.asarray(values[enlarged(regions.reshape(labels.shape).astype(np.uint16), image)])


def _levels(size: tuple[int, ...], full: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """The sizes after a reduced one up to the full one; no side more than doubles from one to the next."""
    factors = [whole / part for whole, part in zip(full, size, strict=True)]
    steps = max(math.ceil(math.log2(factor) - 1e-9) for factor in factors)
    for step in range(1, steps + 1):
        height, width = (round(part * factor ** (step / steps)) for part, factor in zip(size, factors, strict=True))
        yield height, width


def _watershed(labels: NDArray[np.uint16], image: NDArray[np.uint8], regions: int) -> NDArray[np.int64]:
    """Grow the superpixels anew over the pixels near borders, in place; return their sizes."""
    around = np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)
    least, greatest = cv2.erode(labels, around), cv2.dilate(labels, around)
    markers = _markers(labels, np.asarray(least), np.asarray(greatest), regions)
    return _take(labels, np.asarray(cv2.watershed(image, markers)), regions)


@compiled
def _markers(
    labels: NDArray[np.uint16], least: NDArray[np.uint16], greatest: NDArray[np.uint16], regions: int
) -> NDArray[np.int32]:
    """Mark the pixels with a single region around them by its number + 1; a thin region is marked as a whole."""
    height, width = labels.shape
    markers = np.zeros((height, width), np.int32)
    inner = np.zeros(regions, np.int64)
    for y in range(height):
        for x in range(width):
            if least[y, x] == greatest[y, x]:
                markers[y, x] = np.int32(labels[y, x]) + 1
                inner[labels[y, x]] += 1
    if inner.min() == 0:
        for y in range(height):
            for x in range(width):
                if inner[labels[y, x]] == 0:
                    markers[y, x] = np.int32(labels[y, x]) + 1
    return markers


@compiled
def _take(labels: NDArray[np.uint16], markers: NDArray[np.int32], regions: int) -> NDArray[np.int64]:
    """Take over what the watershed found; its lines, which belong to nobody, stay as they are."""
    counts = np.zeros(regions, np.int64)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if markers[y, x] > 0:
                labels[y, x] = markers[y, x] - 1
            counts[labels[y, x]] += 1
    return counts


@compiled
def _join_alike(labels: NDArray[np.uint16], image: NDArray[np.uint8], counts: NDArray[np.int64]) -> None:
    """Let each pixel at a border choose among the regions that it touches, all by the map as it was; in place.

    It goes to the region S with the least |colour - mean colour of S in the window|² - COHERENCE · (neighbours in S).
    No region loses its last pixel.
    """
    height, width = labels.shape
    ids, close = np.empty(9, np.uint16), np.empty(9, np.int64)
    sizes, sums = np.empty(9, np.int64), np.empty((9, 3), np.int64)
    moves = [(0, 0, labels[0, 0])][:0]
    for y in range(height):
        for x in range(width):
            own = labels[y, x]
            left, right = labels[y, max(x - 1, 0)], labels[y, min(x + 1, width - 1)]
            above, below = labels[max(y - 1, 0), x], labels[min(y + 1, height - 1), x]
            if left == own and right == own and above == own and below == own:
                continue
            found = _touched(labels, y, x, ids, close)
            _sum_colours(labels, image, y, x, ids[:found], sizes, sums)
            best = _cheapest(image[y, x], own, ids[:found], close, sizes, sums)
            if best != own:
                moves.append((y, x, best))
    for y, x, best in moves:
        own = labels[y, x]
        if counts[own] > 1:
            counts[own] -= 1
            counts[best] += 1
            labels[y, x] = best


@compiled
def _touched(labels: NDArray[np.uint16], y: int, x: int, ids: NDArray[np.uint16], close: NDArray[np.int64]) -> int:
    """Count the regions of a pixel and its eight neighbours; `ids` gets their numbers, `close` how many neighbours."""
    found = 0
    for v in range(max(0, y - 1), min(labels.shape[0], y + 2)):
        for u in range(max(0, x - 1), min(labels.shape[1], x + 2)):
            place = 0
            while place < found and ids[place] != labels[v, u]:
                place += 1
            if place == found:
                ids[place], close[place] = labels[v, u], 0
                found += 1
            close[place] += v != y or u != x
    return found


@compiled
def _sum_colours(
    labels: NDArray[np.uint16],
    image: NDArray[np.uint8],
    y: int,
    x: int,
    ids: NDArray[np.uint16],
    sizes: NDArray[np.int64],
    sums: NDArray[np.int64],
) -> None:
    """Sum the colours of each region in the window around a pixel, without the pixel itself."""
    sizes[:] = 0
    sums[:] = 0
    for v in range(max(0, y - REACH), min(labels.shape[0], y + REACH + 1)):
        for u in range(max(0, x - REACH), min(labels.shape[1], x + REACH + 1)):
            for place in range(len(ids)):
                if ids[place] == labels[v, u] and (v != y or u != x):
                    sizes[place] += 1
                    for c in range(3):
                        sums[place, c] += image[v, u, c]


@compiled
def _cheapest(
    colour: NDArray[np.uint8],
    own: int,
    ids: NDArray[np.uint16],
    close: NDArray[np.int64],
    sizes: NDArray[np.int64],
    sums: NDArray[np.int64],
) -> int:
    """Return the region that a pixel goes to; of equal ones its own, then the first."""
    best, least = own, np.inf
    for place in range(len(ids)):
        if sizes[place] > 0:
            cost = -COHERENCE * close[place]
            for c in range(3):
                cost += (colour[c] - sums[place, c] / sizes[place]) ** 2
            if cost < least or (cost == least and ids[place] == own):
                best, least = ids[place], cost
    return best
