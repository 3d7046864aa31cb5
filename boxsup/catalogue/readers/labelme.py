"""Reads LabelMe's JSON files (Wada, labelme; X-AnyLabeling's are of the same form): one an image, with its `shapes`.

A shape is a rectangle, a polygon, a circle or a mask (a PNG in base64, of the pixels of its box), in pixels on the
plane of `boxsup.catalogue.readers.segments`; X-AnyLabeling's rotated boxes are taken by the upright box around them.
Shapes of one label and `group_id` are parts of one object, as in labelme's own converters. The image itself, which may
be in the file (`imageData`), and the path that it names are not looked at.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.readers.folder import Annotations, FolderSplit, Found, read_folder
from boxsup.catalogue.readers.segments import MARGIN, Thing, pixel_box, polygon_box, segment
from boxsup.catalogue.records import Box, Listing
from boxsup.settings import parse

ENDING = ".json"
BOXES = ("rectangle", "rotation", "mask")  # shapes that are given by corners
CORNERS = 64  # of the polygon that a circle becomes
Json = dict[str, Any]


class Shape(NamedTuple):
    """A part of an object: half-open pixel corners, and a polygon or a mask in base64 if it says more than its box.

    `place` is the shape's in the file, from 0.
    """

    corners: tuple[int, int, int, int]
    polygon: NDArray[np.float64] | None = None
    mask: str = ""
    place: int = 0


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of LabelMe's files; see `boxsup.catalogue.readers`."""
    split = parse(FolderSplit, settings, "split")
    return read_folder(root, split, classes, Annotations(ENDING, partial(read_shapes, classes)))


def class_names(content: bytes) -> list[str]:
    """The labels of a file's shapes, in order, as far as it can be read."""
    try:
        return [shape["label"] for shape in _shapes(content) if isinstance(shape.get("label"), str)]
    except ValueError:
        return []


def read_shapes(classes: Sequence[str], content: bytes, height: int, width: int, drawn: bool) -> Found:
    """The objects of an image.

    Args:
        classes: Names by label, the background first.
        content: Of the file.
        height: Of the image in pixels.
        width: Likewise.
        drawn: Whether the pixels of polygons are wanted.

    Returns:
        The objects that are right, in the order of their first shapes, and one line for each shape that is wrong.
    """
    try:
        shapes = _shapes(content, height, width)
    except ValueError as error:
        return [], [str(error)]
    objects: dict[tuple[int, Any], list[Shape]] = {}
    texts = []
    for number, shape in enumerate(shapes, start=1):
        try:
            label, group = _label(shape, classes), shape.get("group_id")
            part = _shape(shape, height, width)._replace(place=number - 1)
            # A place of its own for each shape that is in no group: no number is equal to it.
            objects.setdefault((label, (number,) if group is None else str(group)), []).append(part)
        except ValueError as error:
            texts.append(f"shape {number}: {error}")
    things = []
    for (label, _), parts in objects.items():
        try:
            things.append(_thing(label, parts, height, width, drawn))
        except ValueError as error:
            texts.append(f"{classes[label]}: {error}")
    return things, texts


def _shapes(content: bytes, height: int = 0, width: int = 0) -> list[Json]:
    """The shapes of a file; raises a ValueError that says what is wrong with it, another size of the image included."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not readable as JSON ({error})") from error
    shapes = tree.get("shapes") if isinstance(tree, dict) else None
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise ValueError("expected LabelMe's JSON, with a list of shapes")
    said = tree.get("imageWidth"), tree.get("imageHeight")
    if height and all(type(side) is int for side in said) and said != (width, height):
        raise ValueError(
            f"was made for an image of {said[0]}×{said[1]} pixels, its image has {width}×{height} (width×height); "
            "pixels are taken as stored, without EXIF orientation"
        )
    return shapes


def _label(shape: Json, classes: Sequence[str]) -> int:
    label = shape.get("label")
    if not isinstance(label, str) or label not in classes[1:]:
        raise ValueError(f"unknown label {str(label)[:60]!r}; known are {', '.join(classes[1:])}")
    return classes.index(label)


def _shape(shape: Json, height: int, width: int) -> Shape:
    """The part of an object that a shape is; raises a ValueError that says what is wrong with it."""
    kind, points = shape.get("shape_type", "polygon"), _points(shape.get("points"))
    if kind == "polygon":
        polygon = points.ravel()
        return Shape(polygon_box([polygon], height, width), polygon)
    if kind == "circle" and len(points) == 2:
        radius = float(np.hypot(*(points[1] - points[0])))
        angles = np.arange(CORNERS) * 2 * np.pi / CORNERS
        ring = points[0] + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        polygon = ring.clip(0, (width, height)).ravel()
        return Shape(polygon_box([polygon], height, width), polygon)
    # A rectangle has two corners, in some versions four; a mask has the first and the last pixel of its box.
    if kind not in BOXES or len(points) not in (2, 4):
        raise ValueError(
            f"shape_type {str(kind)[:60]!r} with {len(points)} points is no rectangle, polygon, circle or mask"
        )
    first, last = points.min(axis=0), points.max(axis=0) + (kind == "mask")
    if not ((first >= -MARGIN) & (last <= (width + MARGIN, height + MARGIN))).all():
        raise ValueError(f"the {kind} is not inside its image of {width}×{height} pixels (width×height)")
    corners = np.concatenate([first, last]).reshape(2, 2).clip(0, (width, height)).ravel()
    mask = shape.get("mask") if kind == "mask" else None
    return Shape(pixel_box(corners.tolist(), height, width, f"the {kind}"), mask=mask if isinstance(mask, str) else "")


def _points(points: Any) -> NDArray[np.float64]:  # noqa: ANN401 - JSON
    """N×2 x, y of a shape's points."""
    pairs = isinstance(points, list) and all(isinstance(point, list) and len(point) == 2 for point in points)
    if not pairs or not all(type(value) in (int, float) and abs(value) < 1e9 for point in points for value in point):
        raise ValueError("points must be a list of [x, y]")
    return np.array(points, np.float64).reshape(-1, 2)


def _thing(label: int, parts: Sequence[Shape], height: int, width: int, drawn: bool) -> Thing:
    """The object that shapes of one group are."""
    corners, origin = np.array([part.corners for part in parts]), tuple(part.place for part in parts)
    box = Box(label, *map(int, corners[:, :2].min(axis=0)), *map(int, corners[:, 2:].max(axis=0)))
    if not drawn or any(part.polygon is None and not part.mask for part in parts):
        return Thing(box, None, origin)
    pixels = np.zeros((height, width), np.bool_)
    for part in parts:
        if part.polygon is not None:
            pixels |= segment([part.polygon], height, width)
        else:
            x0, y0, x1, y1 = part.corners
            pixels[y0:y1, x0:x1] |= _mask(part.mask, y1 - y0, x1 - x0)
    return Thing(box, pixels, origin)


def _mask(text: str, height: int, width: int) -> NDArray[np.bool_]:
    """The H×W pixels of a mask in base64; raises a ValueError if it is no PNG of one channel of that size."""
    try:
        content = io.BytesIO(base64.b64decode(text, validate=True))
        with Image.open(content, formats=("PNG",)) as image:
            if image.size != (width, height):  # before any pixel is decoded
                raise ValueError(f"{image.size[0]}×{image.size[1]} pixels in a box of {width}×{height}")
            pixels = np.asarray(image) > 0
    except Exception as error:  # of a damaged file, Pillow's decoders raise whatever they stumble over
        raise ValueError(f"its mask is no PNG that fits its box ({error})") from error
    if pixels.ndim != 2:
        raise ValueError("its mask is no PNG of one channel")
    return pixels
