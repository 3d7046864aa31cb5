"""What a person decided beside masks, in copies of the user's own files: classes, boxes, objects that are none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from boxsup.catalogue.names import class_name
from boxsup.catalogue.readers import yolo
from boxsup.catalogue.readers.labelme import IGNORED
from boxsup.catalogue.records import Box
from boxsup.catalogue.sources import Source
from boxsup.masking.parts import ImagePart

SIDES = (b"xmin", b"ymin", b"xmax", b"ymax")
DIFFICULT = b"<difficult>1</difficult>"


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
    """The labels of corrected objects, by the indices of their shapes; those of void ones say so."""
    new = {part.record.origins[index]: corrected_class(part, index, source) for index in part.corrected}
    return new | dict.fromkeys(origins_of(part, part.void), IGNORED)


def origins_of(part: ImagePart, indices: Iterable[int]) -> set[tuple[int, ...]]:
    """Where some boxes of an image are in the user's file."""
    return {part.record.origins[index] for index in indices}


def lines_of(part: ImagePart, indices: Iterable[int]) -> set[int]:
    """The lines of some boxes in a file with a line for each."""
    return {line for line, *_ in origins_of(part, indices)}


def corrected_xml(part: ImagePart, source: Source, xml: bytes) -> bytes:
    """VOC's XML as a person decided; everything else keeps its bytes.

    Corrected boxes have new names and corners. Void boxes are difficult. Boxes with nothing in them are left out.
    """
    found = list(re.finditer(rb"[ \t]*(<object[\s>].*?</object>)(?:[ \t]*\r?\n)?", xml, re.DOTALL))
    decided = {*part.corrected, *part.void, *part.nothing}
    for index in sorted(decided, key=lambda index: part.record.origins[index], reverse=True):
        place = part.record.origins[index][0]
        if place >= len(found):
            continue
        if index in part.nothing:
            first, last = found[place].span()
            xml = xml[:first] + xml[last:]
            continue
        first, last = found[place].span(1)
        text = xml[first:last]
        if index in part.corrected:
            name, box = corrected_class(part, index, source), part.record.boxes[index]
            text = _object(text, name, box, 1 if source.corners == "voc" else 0)
        xml = xml[:first] + (_difficult(text) if index in part.void else text) + xml[last:]
    return xml


def _difficult(xml: bytes) -> bytes:
    """An object's XML, marked as difficult."""
    changed, count = re.subn(rb"<difficult\s*/>|<difficult>[^<]*</difficult>", DIFFICULT, xml, count=1)
    return changed if count else re.sub(rb"([ \t]*)(?=<bndbox[\s>])", rb"\g<1>" + DIFFICULT + rb"\n\g<1>", xml, count=1)


def _object(xml: bytes, name: str, box: Box, first: int) -> bytes:
    """An object's XML with another name and other corners; pixels are counted from `first`."""
    text = escape(name).encode()
    xml = re.sub(rb"(<name>).*?(</name>)", lambda found: found[1] + text + found[2], xml, count=1, flags=re.DOTALL)
    corners = (box.x0 + first, box.y0 + first, box.x1, box.y1)
    for side, value in zip(SIDES, corners, strict=True):
        pattern, corrected = rb"<%s>[^<]*</%s>" % (side, side), b"<%s>%d</%s>" % (side, value, side)
        xml = re.sub(pattern, corrected, xml, count=1)
    return xml
