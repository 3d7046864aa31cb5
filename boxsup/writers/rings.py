"""Traces the outlines of a mask along the borders of its pixels, so that they enclose exactly these pixels.

A mask may have several parts, and these may have holes. Some formats allow neither, and take one ring for everything:
we join the rings by slits without width, there and back along one line. The even-odd rule fills a point if a ray from
it crosses the ring an odd number of times. A ray crosses a slit twice, which changes nothing, and holes stay open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.image.packed import PackedMask

Ring = NDArray[np.int64]  # K×2 corners x, y, closed: the last is followed by the first; (0, 0) is the image's corner
Inset = NDArray[np.float64]  # such a ring moved into the mask
Number = TypeVar("Number", np.int64, np.float64)

INSET = 0.25  # px
SLIT_ENDS = 32  # corners of a ring, evenly along it, that are tried as the end of a slit


@dataclass(frozen=True)
class Part:
    """A 4-connected part of a mask: its outer ring, clockwise, and the rings of its holes, anticlockwise."""

    outer: Ring
    holes: list[Ring]


def mask_parts(mask: NDArray[np.bool_] | PackedMask) -> list[Part]:
    """The parts of an H×W mask, the largest first; empty for an empty mask.

    Pixels that touch only at a corner belong to different parts, whose rings touch there.

    >>> mask_parts(np.array([[False, True, True]]))[0].outer.tolist()
    [[3, 0], [3, 1], [1, 1], [1, 0]]
    """
    packed = PackedMask.of(mask)
    if packed.box is None:
        return []
    x0, y0, *_ = packed.box
    _, cropped = packed.window
    _, components = cv2.connectedComponents(cropped.astype(np.uint8), connectivity=4)
    sizes = np.bincount(components.ravel())
    outer: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = {}
    for (x, y), traced in _trace(cropped):
        ring = traced + np.array((x0, y0))
        component = int(components[y, x])
        if _area(ring) > 0:
            outer[component] = ring
        else:
            holes.setdefault(component, []).append(ring)
    order = sorted(outer, key=lambda component: -sizes[component])
    return [Part(outer[component], holes.get(component, [])) for component in order]


def join_rings(parts: Sequence[Part]) -> Ring:
    """Join all rings of some parts into one, by slits between corners that are near each other.

    >>> join_rings(mask_parts(np.array([[True, False, True]]))).tolist()
    [[1, 0], [2, 0], [3, 0], [3, 1], [2, 1], [2, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    """
    return _join([ring for part in parts for ring in (part.outer, *part.holes)])


def inset_ring(parts: Sequence[Part]) -> Inset:
    """Like `join_rings`, but a quarter of a pixel inside the mask.

    This is for LabelMe and Ultralytics, which truncate corners to whole pixels and also draw the border. They then draw
    exactly the mask, apart from slits. The ring still contains the centres of exactly the mask's pixels.

    >>> inset_ring(mask_parts(np.array([[True, True]]))).tolist()
    [[1.75, 0.25], [1.75, 0.75], [0.25, 0.75], [0.25, 0.25]]
    """
    return _join([_inset(ring) for part in parts for ring in (part.outer, *part.holes)])


def _inset(ring: Ring) -> Inset:
    """A ring moved to its right, where the mask is."""
    direction = np.sign(np.roll(ring, -1, axis=0) - ring)
    right = np.stack([-direction[:, 1], direction[:, 0]], axis=1)
    return np.asarray(ring + INSET * (right + np.roll(right, 1, axis=0)), np.float64)


def _join(rings: Sequence[NDArray[Number]]) -> NDArray[Number]:
    joined = rings[0]
    for ring in rings[1:]:
        joined = _join_two(joined, ring)
    return joined


def _join_two(ring: NDArray[Number], other: NDArray[Number]) -> NDArray[Number]:
    """A ring that leaves the first one at its corner nearest to the other, goes around the other, and returns."""
    best = (np.inf, 0, 0)
    for corner in range(0, len(other), -(-len(other) // SLIT_ENDS)):
        distances = np.square(ring - other[corner]).sum(axis=1)
        nearest = int(distances.argmin())
        best = min(best, (float(distances[nearest]), nearest, corner))
    _, start, end = best
    return np.concatenate([ring[: start + 1], other[end:], other[: end + 1], ring[start:]])


def _area(ring: Ring) -> int:
    """Twice the area that a ring encloses; positive if it is clockwise, with y pointing down."""
    x, y = ring.T
    return int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def _trace(mask: NDArray[np.bool_]) -> list[tuple[tuple[int, int], Ring]]:
    """The rings of a mask, each with a pixel (x, y) of the mask whose upper side is part of the ring.

    Walks along the border with the mask to the right. Where two pixels touch only at a corner, the walk turns right and
    stays at the same pixel.
    """
    width = mask.shape[1]
    padded = np.pad(mask, 1)
    neighbours = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    above_left, above_right, below_left, below_right = neighbours  # of each corner, (H+1)×(W+1)
    # Whether the border goes on from a corner to the right, down, to the left and up.
    borders = below_right & ~above_right, below_left & ~below_right, above_left & ~below_left, above_right & ~above_left
    ways, row = tuple(border.tobytes() for border in borders), width + 1
    steps = (1, row, -1, -row)
    seen = bytearray(len(ways[0]))
    rings = []
    for start in np.flatnonzero(borders[0]).tolist():
        if seen[start]:
            continue
        corners, corner, way = [], start, 0
        while True:
            if way == 0:
                seen[corner] = 1
            corner += steps[way]
            turn = next(turn for turn in (1, 0, 3) if ways[(way + turn) % 4][corner])
            if turn:
                corners.append(corner)
                way = (way + turn) % 4
            if corner == start and way == 0:
                break
        indices = np.array(corners, np.int64)
        rings.append(((start % row, start // row), np.stack([indices % row, indices // row], axis=1)))
    return rings
