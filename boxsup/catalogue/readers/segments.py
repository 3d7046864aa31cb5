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

from boxsup.catalogue.records import Box
from boxsup.image import VOID
from boxsup.image.boxes import Corners
from boxsup.image.files import encode_mask
from boxsup.image.packed import LazySequence, packed

MARGIN = 1  # px that a polygon may leave its image by: a border drawn at the edge
MOST = 1e9  # px: what is further away is no position
Points = NDArray[np.float64]
NOTHING = Box(0, 0, 0, 0, 0)  # of what is passed over with a note


@packed
@dataclass(frozen=True)
class AnnotatedObject:
    """An object, or a region that is none: its label is then 0 or VOID, and it is seen in masks only.

    Attributes:
        box: Its box.
        pixels: H×W, what it covers, if that is known and asked for.
        origin: See `Record.origins`.
        note: What was read otherwise than it stands in the file, or was not read; "" if nothing.
    """

    box: Box
    pixels: NDArray[np.bool_] | None
    origin: tuple[int, ...] = ()
    note: str = ""

    @property
    def is_object(self) -> bool:
        """Whether its box is one that is trained on."""
        return self.box.label not in (0, VOID)


def pixel_box(corners: Sequence[float], height: int, width: int, shown: str) -> Corners:
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


def polygon_box(polygons: Sequence[Any], height: int, width: int) -> tuple[Corners, str]:
    """The box of what polygons enclose of an image.

    Args:
        polygons: Arrays x, y, x, y, … of three corners at least.
        height: Of the image in pixels.
        width: Likewise.

    Returns:
        Half-open pixel corners, see `pixel_box`; and a note, "" unless a polygon leaves the image by more than MARGIN.

    Raises:
        ValueError: They are no polygons, or all of them is outside.
    """
    for polygon in polygons:
        _check_corners(polygon)
    points = np.concatenate([polygon.reshape(-1, 2) for polygon in polygons])
    over, note = max(float(-points.min()), float((points - (width, height)).max())), ""
    if over > MARGIN:
        points = np.concatenate([_cut_off(polygon.reshape(-1, 2), (width, height)) for polygon in polygons])
        note = f"a polygon leaves its image by {over:.1f} px: its box ends at the border, and it is no mask"
    if not len(points):
        raise ValueError(f"a polygon is outside of its image of {width}×{height} pixels (width×height)")
    points = points.clip(0, (width, height))
    corners = [float(value) for value in (*points.min(axis=0), *points.max(axis=0))]
    return pixel_box(corners, height, width, "a polygon"), note


def turned(corners: Sequence[float], degrees: float) -> Points:
    """The polygon x, y, x, y, … that a box x0, y0, x1, y1 on the plane becomes, turned clockwise around its middle."""
    x0, y0, x1, y1 = corners
    middle = np.array([x0 + x1, y0 + y1]) / 2
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    offsets = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) - middle
    points: Points = np.round(middle + offsets @ np.array([[cosine, sine], [-sine, cosine]]), 6)  # 90° is exact
    return points.ravel()


def _cut_off(points: Points, size: tuple[int, int]) -> Points:
    """The corners of the part of an N×2 polygon that is inside an image of this width and height."""
    for axis, bound, sign in ((0, 0, 1), (0, size[0], -1), (1, 0, 1), (1, size[1], -1)):
        depth, following = sign * (points[:, axis] - bound), np.roll(points, -1, axis=0)
        ahead = sign * (following[:, axis] - bound)
        crossing = (depth > 0) != (ahead > 0)
        share = depth / np.where(crossing, depth - ahead, 1)
        both = np.stack([points, points + share[:, None] * (following - points)], axis=1)
        points = both[np.stack([depth > 0, crossing], axis=1)]
    return points


def _check_corners(polygon: Any) -> None:  # noqa: ANN401 - of a file
    if not isinstance(polygon, np.ndarray) or len(polygon) < 6 or len(polygon) % 2:
        raise ValueError("a polygon must be a list of at least three corners x, y, x, y, …")
    if not (np.abs(polygon) < MOST).all():  # not NaN either
        raise ValueError("a polygon has a corner that is no position, or further away than any image is large")


def check_polygon(polygon: Any, height: int, width: int) -> None:  # noqa: ANN401 - of a file
    """Raise a ValueError unless something is an array x, y, x, y, … of three corners at least, inside the image."""
    _check_corners(polygon)
    corners = polygon.reshape(-1, 2)
    if not ((corners >= -MARGIN) & (corners <= (width + MARGIN, height + MARGIN))).all():
        raise ValueError(f"a polygon is not inside its image of {width}×{height} pixels (width×height)")


def known_pixels(segmentation: Any, height: int, width: int) -> tuple[NDArray[np.bool_] | None, str]:  # noqa: ANN401
    """What `segment` gives, or None and a note that says why it is no mask: an object's box counts all the same."""
    try:
        return segment(segmentation, height, width), ""
    except ValueError as error:
        return None, f"{error}; its box counts, and it is no mask"


def segment(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:  # noqa: ANN401 - JSON
    """The pixels of one object, H×W.

    Args:
        segmentation: Polygons, each an array x, y, x, y, …; or runs, see `boxsup.image.runs`.
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
    from boxsup.image.runs import decode_runs  # numba costs a second, and most images have polygons only

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
        objects: N labels, whether they are crowds, and the H×W pixels of each; those with label 0 or VOID are regions.

    Returns:
        H×W uint8 labels, and H×W uint8 numbers of the objects in their order from 1, crowds counted and regions not;
        None of these where there are more than 254. Void is 255 in both.
    """
    labels, numbers = (np.zeros((height, width), np.uint8) for _ in range(2))
    own = np.cumsum([label not in (0, VOID) for label, _, _ in objects])
    areas = [np.inf if crowd else pixels.sum() for _, crowd, pixels in objects]
    for place in np.argsort([-area for area in areas], kind="stable"):
        label, crowd, pixels = objects[place]
        labels[pixels] = VOID if crowd else label
        numbers[pixels] = labels[pixels] if label in (0, VOID) else VOID if crowd else min(own[place], VOID)
    return labels, numbers if not len(own) or own[-1] < VOID else None


def _shown(thing: AnnotatedObject) -> tuple[int, bool, NDArray[np.bool_]]:
    pixels = thing.pixels
    assert pixels is not None
    return thing.box.label, bool(thing.box.crowd), pixels


def drawn_masks(height: int, width: int, things: Sequence[AnnotatedObject]) -> dict[str, bytes]:
    """The masks of an image as PNGs, see `boxsup.catalogue.records.Record.drawn`; none unless all pixels are known."""
    needed = [thing for thing in things if thing.box.label or thing.pixels is not None]
    if any(thing.pixels is None for thing in needed):
        return {}
    labels, objects = draw(height, width, LazySequence(_shown, needed))
    masks = {"mask": labels, "objects": objects}
    return {kind: encode_mask(mask) for kind, mask in masks.items() if mask is not None}
