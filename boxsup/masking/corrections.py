"""Classes and boxes that a person corrected, in the copies of the user's own files."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from boxsup.catalogue.names import class_name
from boxsup.catalogue.readers import yolo
from boxsup.catalogue.records import Box
from boxsup.catalogue.sources import Source
from boxsup.masking.parts import ImagePart

SIDES = (b"xmin", b"ymin", b"xmax", b"ymax")


def corrected_class(part: ImagePart, index: int, source: Source) -> str:
    """The class that a person corrected; "" if nobody did."""
    return source.classes[part.record.boxes[index].class_id] if index in part.corrected else ""


def corrected_corners(part: ImagePart, index: int) -> dict[str, Any]:
    """COCO's `bbox` of a box that a person corrected; no field if nobody did."""
    box = part.record.boxes[index]
    return {"bbox": [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0]} if index in part.corrected else {}


def yolo_numbers(source: Source) -> Callable[[ImagePart], dict[int, int]]:
    """A function from an image to the class numbers of its corrected boxes by their lines."""
    assert source.data is not None
    numbers = {class_name(name): number for number, name in yolo.read_names(source.data).items()}
    return lambda part: {
        part.record.origins[index][0]: numbers[corrected_class(part, index, source)] for index in part.corrected
    }


def labelme_labels(part: ImagePart, source: Source) -> dict[tuple[int, ...], str]:
    """The labels of corrected objects, by the indices of their shapes."""
    return {part.record.origins[index]: corrected_class(part, index, source) for index in part.corrected}


def corrected_xml(part: ImagePart, source: Source, xml: bytes) -> bytes:
    """VOC's XML with the names and corners of corrected boxes; everything else keeps its bytes."""
    found = list(re.finditer(rb"<object[\s>].*?</object>", xml, re.DOTALL))
    for index in sorted(part.corrected, key=lambda index: part.record.origins[index], reverse=True):
        place = part.record.origins[index][0]
        if place < len(found):
            name, box = corrected_class(part, index, source), part.record.boxes[index]
            first, last = found[place].span()
            xml = xml[:first] + _object(xml[first:last], name, box, 1 if source.corners == "voc" else 0) + xml[last:]
    return xml


def _object(xml: bytes, name: str, box: Box, first: int) -> bytes:
    """An object's XML with another name and other corners; pixels are counted from `first`."""
    text = escape(name).encode()
    xml = re.sub(rb"(<name>).*?(</name>)", lambda found: found[1] + text + found[2], xml, count=1, flags=re.DOTALL)
    corners = (box.x0 + first, box.y0 + first, box.x1, box.y1)
    for side, value in zip(SIDES, corners, strict=True):
        pattern, corrected = rb"<%s>[^<]*</%s>" % (side, side), b"<%s>%d</%s>" % (side, value, side)
        xml = re.sub(pattern, corrected, xml, count=1)
    return xml
