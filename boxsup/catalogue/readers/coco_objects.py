"""The objects of COCO's annotations: the box of each, and the pixels of its segmentation."""

from __future__ import annotations

from typing import Any

import numpy as np

from boxsup.catalogue.readers.coco_form import Json
from boxsup.catalogue.readers.segments import (
    MAX_POSITION,
    AnnotatedObject,
    pixel_box,
    polygon_box,
    rotated_box,
    segment,
    segment_or_note,
)
from boxsup.catalogue.records import Box
from boxsup.image.boxes import Corners

CROWDS = {None: 0, 0: 0, 1: 1, "": 0, "0": 0, "1": 1}  # what `iscrowd` may be; True and 1.0 are 1 to Python


def parse_annotation(annotation: Json, label: int, height: int, width: int, drawn: bool) -> AnnotatedObject:
    """The object of an annotation.

    Args:
        annotation: Of COCO's form.
        label: Its label.
        height: Of the image in pixels.
        width: Likewise.
        drawn: Whether the pixels of its segmentation are wanted. One that is none leaves the box, and a note.

    Raises:
        ValueError: Says what is wrong with it.
    """
    crowd = annotation.get("iscrowd")
    if isinstance(crowd, list | dict) or crowd not in CROWDS:
        raise ValueError(f"iscrowd must be 0 or 1, got {crowd!r}")
    own = _segmentation(annotation)
    corners, note = _corners(annotation, own, height, width)
    pixels, more = segment_or_note(own, height, width) if drawn and own else (None, "")
    return AnnotatedObject(Box(label, *corners, crowd=CROWDS[crowd]), pixels, note=note or more)


def _corners(annotation: Json, own: Any, height: int, width: int) -> tuple[Corners, str]:  # noqa: ANN401 - JSON
    """The box of an annotation: its `bbox`, turned if CVAT says so, else that of its segmentation; and a note."""
    bbox, degrees = annotation.get("bbox"), _rotation(annotation)
    if bbox is None and own:
        if isinstance(own, list):
            return polygon_box(own, height, width)
        rows, columns = np.nonzero(segment(own, height, width))
        if len(rows):
            return (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1), ""
    if not degrees:
        return bbox_corners(bbox, height, width), ""
    corners, note = polygon_box([rotated_box(_borders(bbox), degrees)], height, width)
    return corners, note.replace("a polygon", f"the box, turned by {degrees:g}°,")


def _rotation(annotation: Json) -> float:
    """By how many degrees CVAT's `bbox` is to be turned: in its JSON a box is as it was before it was turned."""
    attributes = annotation.get("attributes")
    value = attributes.get("rotation") if isinstance(attributes, dict) else None
    try:
        degrees = float(value or 0)
    except (TypeError, ValueError) as error:
        raise ValueError(f"attributes.rotation: expected degrees, got {str(value)[:60]!r}") from error
    if not abs(degrees) < MAX_POSITION:
        raise ValueError(f"attributes.rotation: expected degrees, got {degrees}")
    return degrees % 360


def _segmentation(annotation: Json) -> Any:  # noqa: ANN401 - JSON
    """An annotation's segmentation without polygons that have no corner; what is empty is none."""
    own = annotation.get("segmentation")
    if not isinstance(own, list):
        return own
    return [part for part in own if not isinstance(part, list | np.ndarray) or len(part)]


def bbox_corners(bbox: Any, height: int, width: int) -> Corners:  # noqa: ANN401 - JSON
    """Half-open pixel corners x0, y0, x1, y1 of COCO's `bbox`: x, y, width and height on the plane; see `pixel_box`.

    Args:
        bbox: Four numbers.
        height: Of the image in pixels.
        width: Likewise.

    Raises:
        ValueError: Says what is wrong with it.
    """
    return pixel_box(_borders(bbox), height, width, f"bbox {bbox}")


def _borders(bbox: Any) -> tuple[float, float, float, float]:  # noqa: ANN401 - JSON
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(_is_number(value) for value in bbox):
        raise ValueError(f"bbox must be [x, y, width, height], four numbers, got {str(bbox)[:60]}")
    x, y, across, down = bbox
    if across < 0 or down < 0:
        raise ValueError(f"bbox {bbox} has a width or height below 0")
    return x, y, x + across, y + down


def _is_number(value: Any) -> bool:  # noqa: ANN401 - JSON
    return type(value) in (int, float) and abs(value) < MAX_POSITION  # not NaN either
