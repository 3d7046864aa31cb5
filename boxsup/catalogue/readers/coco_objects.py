"""Parses the objects of COCO's annotations: boxes, and the pixels of segmentations."""

from __future__ import annotations

from typing import Any

import numpy as np

from boxsup.catalogue.readers.coco_form import Json, has_bbox
from boxsup.catalogue.readers.segments import (
    MAX_POSITION,
    AnnotatedObject,
    no_area,
    pixel_box,
    polygon_box,
    rotated_box,
    segment,
    segment_or_note,
)
from boxsup.catalogue.records import Box
from boxsup.image.boxes import Corners, tight_box

CROWDS = {None: 0, 0: 0, 1: 1, "": 0, "0": 0, "1": 1}  # valid values of `iscrowd`; True and 1.0 equal 1


def parse_annotation(annotation: Json, class_id: int, height: int, width: int, drawn: bool) -> AnnotatedObject:
    """The object of an annotation.

    >>> parse_annotation({"bbox": [1, 0, 2, 3]}, class_id=5, height=4, width=4, drawn=False).box
    Box(class_id=5, x0=1, y0=0, x1=3, y1=3, difficult=0, crowd=0)

    Args:
        annotation: An annotation of COCO's form.
        class_id: The class of the object.
        height: Image height in pixels.
        width: Image width in pixels.
        drawn: Whether to decode the segmentation. If it is invalid, the object has its box, no pixels, and a note.

    Raises:
        ValueError: Says what is wrong with the annotation.
    """
    crowd = annotation.get("iscrowd")
    if isinstance(crowd, list | dict) or crowd not in CROWDS:
        raise ValueError(f"iscrowd must be 0 or 1, got {crowd!r}")
    segmentation = _segmentation(annotation)
    corners, box_note = _corners(annotation, segmentation, height, width)
    pixels, mask_note = segment_or_note(segmentation, height, width) if drawn and segmentation else (None, "")
    return AnnotatedObject(Box(class_id, *corners, crowd=CROWDS[crowd]), pixels, note=box_note or mask_note)


def _corners(annotation: Json, segmentation: Any, height: int, width: int) -> tuple[Corners, str]:  # noqa: ANN401
    """The box of an annotation, and a note: its `bbox`, rotated if CVAT says so, else the box of its segmentation."""
    bbox, degrees = annotation.get("bbox"), _rotation(annotation)
    if not has_bbox(annotation) and segmentation:
        if isinstance(segmentation, list):
            corners, note = polygon_box(segmentation, height, width)
            return corners, note or no_area(np.concatenate(segmentation), "its polygon")
        tight = tight_box(segment(segmentation, height, width))
        if tight:
            return tight, ""
    if not degrees:
        return bbox_corners(bbox, height, width), no_area(_borders(bbox), f"bbox {bbox}")
    corners, note = polygon_box([rotated_box(_borders(bbox), degrees)], height, width)
    turned = f"the box, turned by {degrees:g}°,"
    return corners, note.replace("a polygon", turned) or no_area(_borders(bbox), turned)


def _rotation(annotation: Json) -> float:
    """The degrees by which CVAT's `bbox` must be rotated: CVAT writes the box as it was before the rotation."""
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
    """An annotation's segmentation without empty polygons."""
    segmentation = annotation.get("segmentation")
    if not isinstance(segmentation, list):
        return segmentation
    return [part for part in segmentation if not isinstance(part, list | np.ndarray) or len(part)]


def bbox_corners(bbox: Any, height: int, width: int) -> Corners:  # noqa: ANN401 - JSON
    """Half-open pixel corners x0, y0, x1, y1 of COCO's `bbox`, rounded as by `pixel_box`.

    >>> bbox_corners([0.5, 1, 2, 2], height=4, width=5)
    (1, 1, 3, 3)

    Args:
        bbox: x, y, width and height on the plane.
        height: Image height in pixels.
        width: Image width in pixels.

    Raises:
        ValueError: Says what is wrong with `bbox`.
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
    return type(value) in (int, float) and abs(value) < MAX_POSITION  # also refuses NaN
