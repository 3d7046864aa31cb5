"""The outlines of a mask, along the borders of its pixels, so that they enclose exactly these.

A mask may be in several parts, and these may have holes. Formats whose polygons know neither take one ring for all of
it: the rings are joined by slits without width, there and back along one line. A polygon is filled where a ray out of
it crosses its border an odd number of times; a slit is crossed twice and changes nothing, and a hole stays open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.image.boxes import tight_box

Ring = NDArray[np.int64]  # K×2 corners x, y, of which the last is followed by the first; 0, 0 is the image's corner
Inset = NDArray[np.float64]  # such a ring within the mask
Number = TypeVar("Number", np.int64, np.float64)

INSET = 0.25  # px
TRIED = 32  # corners of a ring, evenly along it, that a slit to it may end at


@dataclass(frozen=True)
class Part:
    """A part of a mask, whose pixels hang together by their sides: its outer ring, clockwise, and its holes' rings."""

    outer: Ring
    holes: list[Ring]


def mask_parts(mask: NDArray[np.bool_]) -> list[Part]:
    """The parts of a mask, the largest first.

    Args:
        mask: H×W.

    Returns:
        None for an empty mask. Where pixels touch by a corner only, rings touch there too.
    """
    box = tight_box(mask)
    if box is None:
        return []
    x0, y0, x1, y1 = box
    cropped = mask[y0:y1, x0:x1]
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
    """All rings of some parts as one, joined by slits between corners that are near each other."""
    return _one([ring for part in parts for ring in (part.outer, *part.holes)])


def inset_ring(parts: Sequence[Part]) -> Inset:
    """The same within the mask by a quarter of a pixel, for tools that cut corners to whole pixels and draw the border.

    LabelMe and Ultralytics do so. They, too, then draw the mask and nothing but it, slits aside; and by the middles of
    pixels the ring encloses the same ones.
    """
    return _one([_inset(ring) for part in parts for ring in (part.outer, *part.holes)])


def _inset(ring: Ring) -> Inset:
    """A ring moved to its right, where the mask is."""
    ahead = np.sign(np.roll(ring, -1, axis=0) - ring)
    right = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    return np.asarray(ring + INSET * (right + np.roll(right, 1, axis=0)), np.float64)


def _one(rings: Sequence[NDArray[Number]]) -> NDArray[Number]:
    joined = rings[0]
    for ring in rings[1:]:
        joined = _joined(joined, ring)
    return joined


def _joined(ring: NDArray[Number], other: NDArray[Number]) -> NDArray[Number]:
    """Along a ring to its corner nearest to another one, over to that and around it, and back."""
    best = (np.inf, 0, 0)
    for place in range(0, len(other), -(-len(other) // TRIED)):
        distances = np.square(ring - other[place]).sum(axis=1)
        nearest = int(distances.argmin())
        best = min(best, (float(distances[nearest]), nearest, place))
    _, here, there = best
    return np.concatenate([ring[: here + 1], other[there:], other[: there + 1], ring[here:]])


def _area(ring: Ring) -> int:
    """Twice the area that a ring encloses: above 0 if it is clockwise, as seen with y downwards."""
    x, y = ring.T
    return int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def _trace(mask: NDArray[np.bool_]) -> list[tuple[tuple[int, int], Ring]]:
    """The rings of a mask, each with a pixel of the mask that it runs along the upper side of.

    The border of the mask is walked with the mask to the right. Where two pixels touch by a corner only, the walk
    turns right: along the same pixel.
    """
    width = mask.shape[1]
    padded = np.pad(mask, 1)
    inner = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    above_left, above_right, below_left, below_right = inner  # of each corner, (H+1)×(W+1)
    # Whether the border leads from a corner to the right, down, to the left and up.
    leads = below_right & ~above_right, below_left & ~below_right, above_left & ~below_left, above_right & ~above_left
    right, down, left, up = (way.tobytes() for way in leads)
    ways, row = (right, down, left, up), width + 1
    steps = (1, row, -1, -row)
    seen = bytearray(len(right))
    rings = []
    for start in np.flatnonzero(leads[0]).tolist():
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
        places = np.array(corners, np.int64)
        rings.append(((start % row, start // row), np.stack([places % row, places // row], axis=1)))
    return rings
