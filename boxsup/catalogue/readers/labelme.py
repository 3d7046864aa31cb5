"""Reads LabelMe's JSON files (Wada, labelme; also X-AnyLabeling's): one per image, with a list of `shapes`.

A shape is a rectangle, a polygon, a circle or a mask (the pixels of its box as a PNG in base64), in pixels on the plane
of `boxsup.catalogue.readers.segments`. A rotated rectangle becomes the upright box around it. As in labelme's own
converters, shapes with the same label and `group_id` are parts of one object, `__ignore__` is void, and `_background_`
is background; these two are regions in true masks, without a box. The embedded image (`imageData`) and its path
(`imagePath`) are ignored.
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

from boxsup.catalogue.names import class_name, is_background
from boxsup.catalogue.readers.folder import Annotations, ParsedObjects, read_folder
from boxsup.catalogue.readers.segments import (
    MARGIN,
    NO_BOX,
    AnnotatedObject,
    no_area,
    pixel_box,
    polygon_box,
    segment_or_note,
)
from boxsup.catalogue.records import BACKGROUND, Box, Listing
from boxsup.config.build import parse
from boxsup.config.datasets import LabelMeSplit
from boxsup.image import VOID
from boxsup.image.boxes import Corners

ENDING = ".json"
BOXES = ("rectangle", "mask")  # shapes given by corners of a box
POLYGONS = ("polygon", "quadrilateral")  # the second is X-AnyLabeling's
ROTATED = ("oriented_rectangle", "rotation")  # rectangles given by four corners: LabelMe's and X-AnyLabeling's
CIRCLE_CORNERS = 64  # corners of the polygon that replaces a circle
IGNORED = "__ignore__"
REGIONS = {0: "background, no object", VOID: "void in true masks, no object"}  # notes on regions, by class id
Json = dict[str, Any]


class Shape(NamedTuple):
    """A part of an object.

    Attributes:
        number: Number of the shape in its file, from 1.
        corners: Half-open pixel corners of its box.
        polygon: Its polygon, or None if only the box is known.
        mask: Its mask as a PNG in base64, or "".
        note: See `boxsup.catalogue.readers.segments.AnnotatedObject`.
    """

    number: int
    corners: Corners
    polygon: NDArray[np.float64] | None = None
    mask: str = ""
    note: str = ""


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """List a split of LabelMe's files; see `boxsup.catalogue.readers`."""
    split = parse(LabelMeSplit, settings, "split")
    others = split.other_classes == BACKGROUND
    return read_folder(root, split, classes, Annotations(ENDING, partial(read_shapes, classes, others=others)))


def class_names(content: bytes) -> list[str]:
    """The class names of a file's objects, in order; empty if the file cannot be read.

    >>> class_names(b'{"shapes": [{"label": "cat"}, {"label": "__ignore__"}]}')
    ['cat']
    """
    try:
        names = [class_name(shape.get("label")) for shape in _shapes(content)]
    except ValueError:
        return []
    return [name for name in names if name and name != IGNORED and not is_background(name)]


def read_shapes(
    classes: Sequence[str], content: bytes, height: int, width: int, drawn: bool, others: bool = False
) -> ParsedObjects:
    """Parse the file of an image.

    Args:
        classes: Class names, the background first.
        content: The file's content.
        height: Image height in pixels.
        width: Image width in pixels.
        drawn: Whether the pixels of polygons are wanted.
        others: Whether shapes of other classes are background, see `AnnotatedObject.other`; else each is wrong.

    Returns:
        The valid objects, in the order of their first shapes, and one line for each invalid shape.
    """
    try:
        shapes = _shapes(content, height, width)
    except ValueError as error:
        return [], [str(error)]
    objects: dict[tuple[int, Any], list[Shape]] = {}
    texts, empty, left = [], [], {}
    for number, shape in enumerate(shapes, start=1):
        if shape.get("points") == []:
            empty.append(AnnotatedObject(NO_BOX, None, note=f"shape {number}: has no points, and is skipped"))
            continue
        name, group = class_name(shape.get("label")), shape.get("group_id")
        if others and _is_other(name, classes):
            left[name, (number,) if group is None else str(group)] = AnnotatedObject(NO_BOX, None, other=name)
            continue
        try:
            class_id = _class_id(shape, classes)
            part = _shape(number, shape, height, width)
            # A shape without a group is an object of its own; no group's text equals its tuple.
            objects.setdefault((class_id, (number,) if group is None else str(group)), []).append(part)
        except ValueError as error:
            texts.append(f"shape {number}: {error}")
    read = [_object(class_id, parts, height, width, drawn) for (class_id, _), parts in objects.items()]
    return [*read, *empty, *left.values()], texts


def _shapes(content: bytes, height: int = 0, width: int = 0) -> list[Json]:
    """The shapes of a file. Raises a ValueError that says what is wrong, such as another size than the image's."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not readable as JSON ({error})") from error
    shapes = tree.get("shapes") if isinstance(tree, dict) else None
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise ValueError("expected LabelMe's JSON, with a list of shapes")
    stated = tree.get("imageWidth"), tree.get("imageHeight")
    if height and all(type(side) in (int, float) and side > 0 for side in stated) and stated != (width, height):
        raise ValueError(
            f"was made for an image of {stated[0]}×{stated[1]} pixels, its image has {width}×{height} (width×height); "
            "pixels are taken as stored, without EXIF orientation"
        )
    return shapes


def _is_other(name: str, classes: Sequence[str]) -> bool:
    return bool(name) and name not in classes[1:] and name != IGNORED and not is_background(name)


def _class_id(shape: Json, classes: Sequence[str]) -> int:
    """The class of a shape; 0 or VOID for a region."""
    name = class_name(shape.get("label"))
    if name in classes[1:]:
        return classes.index(name)
    if name == IGNORED or is_background(name):
        return VOID if name == IGNORED else 0
    raise ValueError(f"unknown label {str(shape.get('label'))[:60]!r}; known are {', '.join(classes[1:])}")


def _shape(number: int, shape: Json, height: int, width: int) -> Shape:
    """Parse a shape. Raises a ValueError that says what is wrong with it."""
    kind, points = shape.get("shape_type") or "polygon", _points(shape.get("points"))
    if kind in POLYGONS:
        polygon = points.ravel()
        corners, note = polygon_box([polygon], height, width)
        return Shape(number, corners, None if note else polygon, note=note or no_area(polygon, f"the {kind}"))
    if kind in ROTATED and len(points) == 4:
        corners, note = polygon_box([points.ravel()], height, width)
        return Shape(number, corners, note=note.replace("a polygon", f"the {kind}") or no_area(points, f"the {kind}"))
    if kind == "circle" and len(points) == 2:
        radius = float(np.hypot(*(points[1] - points[0])))
        angles = np.arange(CIRCLE_CORNERS) * 2 * np.pi / CIRCLE_CORNERS
        ring = points[0] + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        polygon = ring.clip(0, (width, height)).ravel()
        return Shape(number, polygon_box([polygon], height, width)[0], polygon, note=no_area(polygon, "the circle"))
    # A rectangle has two corners, in some versions four; a mask has the first and the last pixel of its box.
    if kind not in BOXES or len(points) not in (2, 4):
        raise ValueError(
            f"shape_type {str(kind)[:60]!r} with {len(points)} points is no rectangle, polygon, circle or mask"
        )
    first, last = points.min(axis=0), points.max(axis=0) + (kind == "mask")
    if not ((first >= -MARGIN) & (last <= (width + MARGIN, height + MARGIN))).all():
        raise ValueError(f"the {kind} is not inside its image of {width}×{height} pixels (width×height)")
    sides = np.concatenate([first, last]).reshape(2, 2).clip(0, (width, height)).ravel()
    mask = shape.get("mask") if kind == "mask" else None
    corners = pixel_box(sides.tolist(), height, width, f"the {kind}")
    note = no_area((*first, *last), f"the {kind}")
    return Shape(number, corners, mask=mask if isinstance(mask, str) else "", note=note)


def _points(points: Any) -> NDArray[np.float64]:  # noqa: ANN401 - JSON
    """A shape's points, N×2 x, y."""
    pairs = isinstance(points, list) and all(isinstance(point, list) and len(point) == 2 for point in points)
    if not pairs or not all(type(value) in (int, float) and abs(value) < 1e9 for point in points for value in point):
        raise ValueError("points must be a list of [x, y]")
    return np.array(points, np.float64).reshape(-1, 2)


def _object(class_id: int, parts: Sequence[Shape], height: int, width: int, drawn: bool) -> AnnotatedObject:
    """The object, or the region, of the shapes of one group."""
    corners = np.array([part.corners for part in parts])
    box = Box(class_id, *map(int, corners[:, :2].min(axis=0)), *map(int, corners[:, 2:].max(axis=0)))
    notes = [part.note for part in parts if part.note] + [REGIONS[class_id] for _ in parts[:1] if class_id in REGIONS]
    pixels = np.zeros((height, width), np.bool_) if drawn else None
    for part in parts if drawn else ():
        part_pixels, note = _pixels(part, class_id in REGIONS, height, width)
        pixels = None if part_pixels is None or pixels is None else pixels | part_pixels
        notes += [note] if note else []
    numbers = ", ".join(str(part.number) for part in parts)
    note = f"shape{'s' if len(parts) > 1 else ''} {numbers}: {'; '.join(notes)}" if notes else ""
    return AnnotatedObject(box, pixels, tuple(part.number - 1 for part in parts), note)


def _pixels(part: Shape, region: bool, height: int, width: int) -> tuple[NDArray[np.bool_] | None, str]:
    """The H×W pixels of a shape, or None if only its box is known; and a note. A region fills its box."""
    if part.polygon is not None:
        return segment_or_note([part.polygon], height, width)
    if not part.mask and not region:
        return None, ""
    x0, y0, x1, y1 = part.corners
    pixels = np.zeros((height, width), np.bool_)
    try:
        pixels[y0:y1, x0:x1] = _mask(part.mask, y1 - y0, x1 - x0) if part.mask else True
    except ValueError as error:
        return None, f"{error}; its box counts, and it is no mask"
    return pixels, ""


def _mask(text: str, height: int, width: int) -> NDArray[np.bool_]:
    """The H×W pixels of a mask in base64. Raises a ValueError if it is not a PNG of one channel and that size."""
    try:
        content = io.BytesIO(base64.b64decode(text, validate=True))
        with Image.open(content, formats=("PNG",)) as image:
            if image.size != (width, height):  # before any pixel is decoded
                raise ValueError(f"{image.size[0]}×{image.size[1]} pixels in a box of {width}×{height}")
            pixels = np.asarray(image) > 0
    except Exception as error:  # Pillow's decoders raise all kinds of errors for a damaged file
        raise ValueError(f"its mask is no PNG that fits its box ({error})") from error
    if pixels.ndim != 2:
        raise ValueError("its mask is no PNG of one channel")
    return pixels
