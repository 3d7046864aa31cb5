"""What annotations draw on the continuous plane, as pixels: boxes, polygons and runs, and the masks of an image.

The plane is COCO's: x and y from 0 at the left and upper border of the image, so that pixel (0, 0) ends at (1, 1). A
pixel belongs to what is drawn if its middle does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from boxsup.catalogue.palette import encode_mask
from boxsup.catalogue.records import VOID, Box
from boxsup.masks import Each, packed

MARGIN = 1  # px that a polygon may leave its image by: a border drawn at the edge


@packed
@dataclass(frozen=True)
class Thing:
    """An object: its box, and the pixels that it covers, H×W, if they are known and asked for."""

    box: Box
    pixels: NDArray[np.bool_] | None


def pixel_box(corners: Sequence[float], height: int, width: int, shown: str) -> tuple[int, int, int, int]:
    """Half-open pixel corners x0, y0, x1, y1 of a box on the plane.

    Its borders are rounded, halves upwards; what is thinner than a pixel becomes one pixel wide.

    Args:
        corners: x0, y0, x1, y1, finite, the first ones not above the last.
        height: Of the image in pixels.
        width: Likewise.
        shown: The box as its file has it, for an error.

    Raises:
        ValueError: It is not inside the image.
    """
    sides = []
    for start, stop, size in ((corners[0], corners[2], width), (corners[1], corners[3], height)):
        first, last = math.floor(start + 0.5), math.floor(stop + 0.5)
        if first < 0 or last > size:
            raise ValueError(f"{shown} is not inside its image of {width}×{height} pixels (width×height)")
        first = min(first, size - 1)
        sides.append((first, max(last, first + 1)))
    (x0, x1), (y0, y1) = sides
    return x0, y0, x1, y1


def polygon_box(polygons: Sequence[NDArray[np.float64]], height: int, width: int) -> tuple[int, int, int, int]:
    """The half-open pixel corners of what polygons enclose; see `pixel_box` and `check_polygon`."""
    for polygon in polygons:
        check_polygon(polygon, height, width)
    points = np.concatenate([polygon.reshape(-1, 2) for polygon in polygons]).clip(0, (width, height))
    corners = [*points.min(axis=0), *points.max(axis=0)]
    return pixel_box([float(value) for value in corners], height, width, "a polygon")


def check_polygon(polygon: Any, height: int, width: int) -> None:  # noqa: ANN401 - of a file
    """Raise a ValueError unless something is an array x, y, x, y, … of three corners at least, inside the image."""
    if not isinstance(polygon, np.ndarray) or len(polygon) < 6 or len(polygon) % 2:
        raise ValueError("a polygon must be a list of at least three corners x, y, x, y, …")
    corners = polygon.reshape(-1, 2)
    if not ((corners >= -MARGIN) & (corners <= (width + MARGIN, height + MARGIN))).all():
        raise ValueError(f"a polygon is not inside its image of {width}×{height} pixels (width×height)")


def segment(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:  # noqa: ANN401 - JSON
    """The pixels of one object, H×W.

    Args:
        segmentation: Polygons, each an array x, y, x, y, …; or runs, see `boxsup.proposals.rle`.
        height: Of the image in pixels.
        width: Likewise.

    Raises:
        ValueError: Says what is wrong with it. pycocotools would take the memory that a far corner asks for.
    """
    if isinstance(segmentation, dict):
        return _of_runs(segmentation, height, width)
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError("a segmentation must be a list of polygons, or runs with size and counts")
    for polygon in segmentation:
        check_polygon(polygon, height, width)
    parts = coco_mask.frPyObjects(segmentation, height, width)
    return np.asarray(coco_mask.decode(coco_mask.merge(parts)), np.bool_)


def _of_runs(segmentation: dict[str, Any], height: int, width: int) -> NDArray[np.bool_]:
    from boxsup.proposals.rle import decode_runs  # numba costs a second, and most images have polygons only

    flat = np.zeros(height * width, np.bool_)
    for first, last in decode_runs(segmentation, (height, width), "segmentation"):
        flat[first:last] = True
    return np.ascontiguousarray(flat.reshape(width, height).T)


def draw(
    height: int, width: int, objects: Sequence[tuple[int, bool, NDArray[np.bool_]]]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The label map and the object mask of an image.

    Objects lie one upon the other, the smaller above: what is annotated inside of another object is in front of it far
    more often than behind. Crowds are void, below all.

    Args:
        height: Of the image in pixels.
        width: Likewise.
        objects: N labels 1…C-1, whether they are crowds, and the H×W pixels of each.

    Returns:
        H×W uint8 labels, and H×W uint8 numbers of the objects in their order from 1, crowds counted; None of these
        where there are more than 254. Void is 255 in both.
    """
    labels, numbers = (np.zeros((height, width), np.uint8) for _ in range(2))
    areas = [np.inf if crowd else pixels.sum() for _, crowd, pixels in objects]
    for place in np.argsort([-area for area in areas], kind="stable"):
        label, crowd, pixels = objects[place]
        labels[pixels] = VOID if crowd else label
        numbers[pixels] = VOID if crowd else min(place + 1, VOID)
    return labels, numbers if len(objects) < VOID else None


def _shown(thing: Thing) -> tuple[int, bool, NDArray[np.bool_]]:
    pixels = thing.pixels
    assert pixels is not None
    return thing.box.label, bool(thing.box.crowd), pixels


def drawn_masks(height: int, width: int, things: Sequence[Thing]) -> dict[str, bytes]:
    """The masks of an image as PNGs, see `boxsup.catalogue.records.Record.drawn`; none unless all pixels are known."""
    if any(thing.pixels is None for thing in things):
        return {}
    labels, objects = draw(height, width, Each(_shown, things))
    masks = {"mask": labels, "objects": objects}
    return {kind: encode_mask(mask) for kind, mask in masks.items() if mask is not None}
