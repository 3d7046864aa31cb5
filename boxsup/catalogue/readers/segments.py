"""Converts annotations on the continuous plane to pixels: boxes, polygons and runs; draws the masks of an image.

The plane is COCO's: x and y start with 0 at the left and upper border of the image; pixel (0, 0) ends at (1, 1). A
pixel belongs to a shape if its centre does.
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
from boxsup.image.packed import PackedMask, packed, packed_or_none

MARGIN = 1  # px that a polygon may extend beyond its image: a border drawn at the edge
MAX_POSITION = 1e9  # px: larger values are no positions
Points = NDArray[np.float64]
NO_BOX = Box(0, 0, 0, 0, 0)  # of an entry that is skipped with a note, or is of another class


@packed
@dataclass(frozen=True)
class AnnotatedObject:
    """An object; or a region, whose class id is 0 or VOID and which appears only in masks.

    Attributes:
        box: The box.
        pixels: H×W, true on the object; None if unknown or not asked for.
        origin: Indices of the entries in the file, see `Record.origins`.
        note: What was read differently from how the file has it, or was skipped; "" for nothing.
        other: The name of its class, if that is none of the data set's: the entry is background, and has no box.
    """

    box: Box
    pixels: NDArray[np.bool_] | None
    origin: tuple[int, ...] = ()
    note: str = ""
    other: str = ""

    @property
    def is_object(self) -> bool:
        """Whether this is an object with a box, not a region."""
        return self.box.class_id not in (0, VOID)


def pixel_box(corners: Sequence[float], height: int, width: int, shown: str) -> Corners:
    """Half-open pixel corners x0, y0, x1, y1 of a box on the plane.

    Borders are rounded, halves upwards. A box thinner than a pixel becomes one pixel wide.

    >>> pixel_box((0.4, 0.5, 2.6, 0.6), height=4, width=5, shown="the box")
    (0, 1, 3, 2)

    Args:
        corners: x0, y0, x1, y1, finite, with x0 ≤ x1 and y0 ≤ y1.
        height: Image height in pixels.
        width: Image width in pixels.
        shown: How an error message calls the box.

    Raises:
        ValueError: The box is not inside the image.
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


def no_area(points: Sequence[float] | Points, shown: str) -> str:
    """A note if a shape has no width or no height, as a click leaves it; "" if it has both.

    It counts all the same, as `pixel_box` says: nothing that a person drew is lost, and they see what it became.

    >>> no_area((3, 4, 3, 4), "the box")
    'the box has no width and no height: it counts as one pixel'
    >>> no_area((3, 4, 3, 9), "the box"), no_area((3, 4, 3.1, 9), "the box")
    ('the box has no width: it counts as one pixel wide', '')

    Args:
        points: x, y, x, y, … of the shape's corners.
        shown: How the note calls the shape.
    """
    spans = np.ptp(np.asarray(points, np.float64).reshape(-1, 2), axis=0)
    if spans.all():
        return ""
    if not spans.any():
        return f"{shown} has no width and no height: it counts as one pixel"
    missing, counted = ("height", "high") if spans[0] else ("width", "wide")
    return f"{shown} has no {missing}: it counts as one pixel {counted}"


def polygon_box(polygons: Sequence[Any], height: int, width: int) -> tuple[Corners, str]:
    """The box around polygons, cut at the image's border.

    >>> polygon_box([np.array([0.0, 0, 3, 0, 3, 2])], height=4, width=5)
    ((0, 0, 3, 2), '')

    Args:
        polygons: Arrays x, y, x, y, … with at least three corners.
        height: Image height in pixels.
        width: Image width in pixels.

    Returns:
        Half-open pixel corners, see `pixel_box`; and a note, "" unless a polygon leaves the image by more than MARGIN.

    Raises:
        ValueError: They are not polygons, or are completely outside the image.
    """
    for polygon in polygons:
        _check_corners(polygon)
    points = np.concatenate([polygon.reshape(-1, 2) for polygon in polygons])
    excess, note = max(float(-points.min()), float((points - (width, height)).max())), ""
    if excess > MARGIN:
        points = np.concatenate([_clip_polygon(polygon.reshape(-1, 2), (width, height)) for polygon in polygons])
        note = f"a polygon leaves its image by {excess:.1f} px: its box ends at the border, and it is no mask"
    if not len(points):
        raise ValueError(f"a polygon is outside of its image of {width}×{height} pixels (width×height)")
    points = points.clip(0, (width, height))
    corners = [float(value) for value in (*points.min(axis=0), *points.max(axis=0))]
    return pixel_box(corners, height, width, "a polygon"), note


def rotated_box(corners: Sequence[float], degrees: float) -> Points:
    """The polygon x, y, x, y, … of a box x0, y0, x1, y1 on the plane, rotated clockwise around its centre.

    >>> rotated_box((0, 0, 4, 2), 90).tolist()
    [3.0, -1.0, 3.0, 3.0, 1.0, 3.0, 1.0, -1.0]
    """
    x0, y0, x1, y1 = corners
    centre = np.array([x0 + x1, y0 + y1]) / 2
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    offsets = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) - centre
    points: Points = np.round(centre + offsets @ np.array([[cosine, sine], [-sine, cosine]]), 6)  # 90° is exact
    return points.ravel()


def _clip_polygon(points: Points, size: tuple[int, int]) -> Points:
    """The corners of the part of an N×2 polygon inside an image of `size` (width, height): Sutherland-Hodgman."""
    for axis, bound, sign in ((0, 0, 1), (0, size[0], -1), (1, 0, 1), (1, size[1], -1)):
        depth, following = sign * (points[:, axis] - bound), np.roll(points, -1, axis=0)
        next_depth = sign * (following[:, axis] - bound)
        crossing = (depth > 0) != (next_depth > 0)
        share = depth / np.where(crossing, depth - next_depth, 1)
        both = np.stack([points, points + share[:, None] * (following - points)], axis=1)
        points = both[np.stack([depth > 0, crossing], axis=1)]
    return points


def _check_corners(polygon: Any) -> None:  # noqa: ANN401 - of a file
    if not isinstance(polygon, np.ndarray) or len(polygon) < 6 or len(polygon) % 2:
        raise ValueError("a polygon must be a list of at least three corners x, y, x, y, …")
    if not (np.abs(polygon) < MAX_POSITION).all():  # also refuses NaN
        raise ValueError("a polygon has a corner that is no position, or further away than any image is large")


def check_polygon(polygon: Any, height: int, width: int) -> None:  # noqa: ANN401 - of a file
    """Raise a ValueError unless `polygon` is an array x, y, x, y, … with at least three corners, inside the image."""
    _check_corners(polygon)
    corners = polygon.reshape(-1, 2)
    if not ((corners >= -MARGIN) & (corners <= (width + MARGIN, height + MARGIN))).all():
        raise ValueError(f"a polygon is not inside its image of {width}×{height} pixels (width×height)")


def segment_or_note(segmentation: Any, height: int, width: int) -> tuple[NDArray[np.bool_] | None, str]:  # noqa: ANN401
    """The result of `segment` and ""; or, if it fails, None and a note: the object's box is used without a mask."""
    try:
        return segment(segmentation, height, width), ""
    except ValueError as error:
        return None, f"{error}; its box counts, and it is no mask"


def segment(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:  # noqa: ANN401 - JSON
    """The pixels of one object, H×W.

    >>> segment([np.array([0.0, 0, 2, 0, 2, 1, 0, 1])], height=2, width=3).astype(int)
    array([[1, 1, 0],
           [0, 0, 0]])

    Args:
        segmentation: Polygons, each an array x, y, x, y, …; or runs, see `boxsup.image.runs`.
        height: Image height in pixels.
        width: Image width in pixels.

    Raises:
        ValueError: Says what is wrong. Checked here, since pycocotools would allocate memory up to a far corner.
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
    from boxsup.image.runs import packed_runs  # importing numba takes a second; most images have only polygons

    return packed_runs(segmentation, (height, width), "segmentation").pixels()


def draw_masks(
    height: int, width: int, objects: Sequence[tuple[int, bool, PackedMask]]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Draw the label map and the object mask of an image.

    Smaller objects are drawn over larger ones: an object annotated inside another is far more often in front of it than
    behind. Crowds become void, below all objects.

    >>> large, small = (PackedMask.of(np.array([pixels])) for pixels in ([True, True, True], [False, True, False]))
    >>> draw_masks(1, 3, [(4, False, small), (2, False, large)])[0]
    array([[2, 4, 2]], dtype=uint8)

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        objects: For each object its class id, whether it is a crowd, and its mask. Class ids 0 and VOID are
            regions, not objects.

    Returns:
        H×W uint8 labels; and H×W uint8 numbers of the objects, from 1 in their order. Crowds are counted, regions are
        not. Void is 255 in both. The numbers are None if there are more than 254 objects.
    """
    labels, numbers = (np.zeros((height, width), np.uint8) for _ in range(2))
    object_numbers = np.cumsum([class_id not in (0, VOID) for class_id, _, _ in objects])
    areas = [np.inf if crowd else mask.area for _, crowd, mask in objects]
    for index in np.argsort([-area for area in areas], kind="stable"):
        class_id, crowd, mask = objects[index]
        window, inside = mask.window
        label = VOID if crowd else class_id
        number = VOID if crowd else min(object_numbers[index], VOID)
        labels[window][inside] = label
        numbers[window][inside] = label if class_id in (0, VOID) else number
    return labels, numbers if not len(object_numbers) or object_numbers[-1] < VOID else None


def encode_masks(height: int, width: int, objects: Sequence[AnnotatedObject]) -> dict[str, bytes]:
    """The masks of an image as PNGs, see `boxsup.catalogue.records.Record.drawn`; empty unless all pixels are known."""
    masks_of = [(item.box, packed_or_none(item)) for item in objects]
    needed = [(box, mask) for box, mask in masks_of if box.class_id or mask is not None]
    drawable = [(box.class_id, bool(box.crowd), mask) for box, mask in needed if mask is not None]
    if len(drawable) < len(needed):
        return {}
    labels, numbers = draw_masks(height, width, drawable)
    masks = {"mask": labels, "objects": numbers}
    return {kind: encode_mask(mask) for kind, mask in masks.items() if mask is not None}
