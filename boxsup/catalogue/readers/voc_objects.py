"""Parses a file of VOC's XML: the objects of an image, and whether its corners count from 0 or 1.

VOC's corners are pixels that count from 1, the last one included. CVAT, Datumaro, VoTT and others write borders that
count from 0 (the plane of `boxsup.catalogue.readers.segments`) into the same tags. Only the content of a file can show
which of the two it is (`counts_from_zero`).
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from boxsup.catalogue.names import class_name, is_background
from boxsup.catalogue.readers.foreign_tools import tool_of_xml
from boxsup.catalogue.readers.segments import NO_BOX, AnnotatedObject, no_area, pixel_box, polygon_box, rotated_box
from boxsup.catalogue.records import Box
from boxsup.config.datasets import CornerConvention
from boxsup.image.boxes import Corners

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

CORNERS = ("xmin", "ymin", "xmax", "ymax")
ROTATED = ("cx", "cy", "w", "h", "angle")  # tags of roLabelImg's `robndbox`
MAX_CORNER = 10**9  # px: limit of a number in a file, and the image's size if that is unknown
DECLARED = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([\w.:-]+)""")
ENCODINGS = frozenset(
    {"gbk", "gb2312", "gb18030", "big5", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949"}
)  # which expat lacks


class OtherXmlError(ValueError):
    """A file is XML, but not VOC's."""


def read_boxes(
    xml: bytes, height: int, width: int, classes: Sequence[str], corners: CornerConvention = "voc"
) -> tuple[list[Box], list[str]]:
    """The valid boxes of a VOC annotation, and a line for each thing that is wrong; see `read_objects`."""
    objects, problems = read_objects(xml, height, width, classes, corners)
    return [item.box for item in objects if item.is_object], problems


def read_objects(
    xml: bytes,
    height: int,
    width: int,
    classes: Sequence[str],
    corners: CornerConvention,
    others: bool = False,
) -> tuple[list[AnnotatedObject], list[str]]:
    """Parse the objects of a VOC annotation.

    Args:
        xml: The file's content.
        height: Image height in pixels; 0 if unknown, then sizes are not checked.
        width: Image width in pixels; 0 if unknown.
        classes: Class names, the background first. Objects called `background` are skipped with a note.
        corners: How the file counts pixels.
        others: Whether objects of other classes are background, see `AnnotatedObject.other`; else each is wrong.

    Returns:
        The valid objects, including skipped ones with their note, and one line for each thing that is wrong. The lines
        number objects from 1.
    """
    try:
        root = parse_xml(xml)
    except ValueError as error:
        return [], [str(error)]
    wrong = _size_problem(root, height, width) or ("" if corners else _count_problem(root))
    if wrong:
        return [], [wrong]
    height, width = height or MAX_CORNER, width or MAX_CORNER
    objects, problems = [], []
    for number, element in enumerate(root.findall("object"), start=1):
        reason, name = _skip_reason(element), _name(element)
        if others and name and name not in classes[1:] and not reason:
            objects.append(AnnotatedObject(NO_BOX, None, other=name))
            continue
        try:
            box, note = (NO_BOX, reason) if reason else _box(element, height, width, classes, corners == "plane")
            note = f"object {number}: {note}" if note else ""
            objects.append(AnnotatedObject(box, None, (number - 1,), note))
        except ValueError as error:
            problems.append(f"object {number}: {error}")
    return objects, problems


def parse_xml(content: bytes) -> Element:
    """The root element of an annotation. Raises a ValueError that says what is wrong with the file.

    That is an OtherXmlError for the XML of another tool.
    """
    try:
        root = fromstring(_decoded(content), forbid_dtd=True)
    except DefusedXmlException as error:
        text = "the XML declares a DTD or entities, which annotations do not need; remove them"
        raise ValueError(text) from error
    except (ParseError, ValueError, LookupError) as error:
        raise ValueError(f"not XML ({error}){_encoding_advice(content)}") from error
    if root.tag != "annotation" and root.find("object") is None:
        name = root.tag[:60]
        raise OtherXmlError(f"not VOC's XML: expected <annotation> with its objects, got <{name}>{tool_of_xml(name)}")
    return root


def class_names(content: bytes) -> list[str]:
    """The class names of a file's objects, in order. Raises a ValueError as `parse_xml` does.

    >>> class_names(b"<annotation><object><name> cat </name></object></annotation>")
    ['cat']
    """
    names = [_name(element) for element in parse_xml(content).findall("object")]
    return [name for name in names if name]


def counts_from_zero(root: Element) -> str:
    """Why a file's corners must be borders that count from 0, in words; "" if nothing shows it.

    Evidence is a corner below 1, where VOC has no pixel; CVAT's tags; or fractions that differ, as pixels have none
    (VOC's own files have a few).
    """
    if _text(root, "source/annotation").upper() == "CVAT":
        return "it is CVAT's"
    fractions = set()
    for number, element in enumerate(root.findall("object"), start=1):
        if element.find("attributes") is not None and element.find("occluded") is not None:
            return f"object {number} has CVAT's tags, attributes and occluded"
        values = [_number(element.findtext(f"bndbox/{corner}")) for corner in CORNERS]
        small = next((value for value in values[:2] if -1 < value < 1), None)
        if small is not None:
            return f"object {number} begins at {small:g}"
        fractions |= {round(value % 1, 4) for value in values if math.isfinite(value) and value % 1}
    if len(fractions) > 1 and not _is_vocs(root):
        return "its corners have fractions"
    return ""


def _size_problem(root: Element, height: int, width: int) -> str:
    """A line if the file states another size than the image has. VOC's own files are exempt: some are wrong."""
    stated = [_number(root.findtext(f"size/{side}")) for side in ("width", "height")]
    if not height or not all(0 < side < math.inf for side in stated) or stated == [width, height] or _is_vocs(root):
        return ""
    return (
        f"size says {stated[0]:g}×{stated[1]:g} pixels, the image has {width}×{height} (width×height): it was scaled, "
        "or a viewer turns it (EXIF), so boxes do not fit; save it as it was annotated, or remove `size` if they do fit"
    )


def _count_problem(root: Element) -> str:
    reason = counts_from_zero(root)
    advice = "say `corners: plane` beside the split's list, or `corners: voc` if pixels count from 1"
    return f"it seems to count from 0 ({reason}): {advice}" if reason else ""


def _skip_reason(element: Element) -> str:
    """Why an element is not an object, in words; "" if it is one."""
    if is_background(_name(element)):
        return "its class is the background, it is no object"
    return "is marked as deleted" if _text(element, "deleted") == "1" else ""  # by LabelMe's old files


def _box(element: Element, height: int, width: int, classes: Sequence[str], plane: bool) -> tuple[Box, str]:
    """The box of an `object` element, and a note. Raises a ValueError that says what is wrong with it."""
    name = _name(element)
    if name not in classes[1:]:
        raise ValueError(f"unknown class {name[:60]!r}; known are {', '.join(classes[1:])}")
    difficult = _text(element, "difficult") or "0"
    if difficult not in ("0", "1"):
        raise ValueError(f"difficult must be 0 or 1, got {difficult[:60]!r}")
    corners, note = _pixels(element, height, width, plane)
    return Box(classes.index(name), *corners, int(difficult)), note


def _pixels(element: Element, height: int, width: int, plane: bool) -> tuple[Corners, str]:
    """Half-open pixel corners of an object, from its upright box, its rotated box or its polygon; and a note."""
    if element.find("bndbox") is None and element.find("robndbox") is not None:
        x, y, across, down, angle = (_corner(element, f"robndbox/{tag}") for tag in ROTATED)
        upright = (x - across / 2, y - down / 2, x + across / 2, y + down / 2)
        corners = polygon_box([rotated_box(upright, math.degrees(angle))], height, width)[0]
        return corners, no_area(upright, "the rotated box")
    if element.find("bndbox") is None and element.find("polygon") is not None:
        return _of_polygon(element, height, width)
    xmin, ymin, xmax, ymax = (_corner(element, f"bndbox/{corner}") for corner in CORNERS)
    shown = f"({xmin:g}, {ymin:g}) to ({xmax:g}, {ymax:g})"
    if xmax < xmin or ymax < ymin:
        raise ValueError(f"box {shown} is inside out: xmin and ymin must not exceed xmax and ymax")
    degrees = _rotation(element)
    if degrees:
        upright = (xmin - (not plane), ymin - (not plane), xmax, ymax)
        return polygon_box([rotated_box(upright, degrees)], height, width)[0], no_area(upright, "the rotated box")
    if plane:
        borders = (xmin, ymin, xmax, ymax)
        return pixel_box(borders, height, width, f"box {shown}"), no_area(borders, f"box {shown}")
    x0, y0, x1, y1 = (math.floor(value + 0.5) for value in (xmin, ymin, xmax, ymax))
    if min(x0, y0) < 1 or x1 > width or y1 > height:
        raise ValueError(f"box {shown} is not inside its image, whose pixels are (1, 1) to ({width}, {height})")
    # 1-based and inclusive: the first pixel moves down by one, the last one becomes the end of the box.
    return (x0 - 1, y0 - 1, x1, y1), ""


def _of_polygon(element: Element, height: int, width: int) -> tuple[Corners, str]:
    """Half-open pixel corners of a polygon in LabelMe's old XML, whose points are on the plane; and a note."""
    points = [[_corner(point, tag) for tag in ("x", "y")] for point in element.findall("polygon/pt")]
    if len(points) < 3:
        raise ValueError(f"no bndbox, and a polygon of {len(points)} corners; expected three at least")
    polygon = np.array(points).ravel()
    return polygon_box([polygon], height, width)[0], no_area(polygon, "its polygon")


def _rotation(element: Element) -> float:
    """The rotation of a box in degrees, which CVAT keeps among the attributes."""
    for attribute in element.findall("attributes/attribute"):
        if _text(attribute, "name") == "rotation":
            degrees = _number(attribute.findtext("value"))
            if not math.isfinite(degrees):
                raise ValueError("rotation must be a number of degrees")
            return degrees % 360
    return 0.0


def _corner(element: Element, tag: str) -> float:
    text = element.findtext(tag)
    value = _number(text)
    if not abs(value) < MAX_CORNER:
        raise ValueError(f"{tag} must be a number, got {(text or '')[:60]!r}")
    return value


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return math.nan


def _name(element: Element) -> str:
    return class_name(element.findtext("name") or "")


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _is_vocs(root: Element) -> bool:
    return _text(root, "source/annotation").upper().startswith("PASCAL VOC")


def declared_codec(content: bytes) -> str:
    """The name of Python's codec for the encoding that a file declares; "" if it declares none.

    Raises:
        LookupError: There is no such codec.
    """
    declared = DECLARED.match(content[:200].lstrip())
    return codecs.lookup(declared[1].decode()).name if declared else ""


def _decoded(content: bytes) -> bytes | str:
    """The content, decoded if it declares an encoding that the XML parser lacks."""
    name = declared_codec(content)
    return content.decode(name) if name in ENCODINGS else content


def _encoding_advice(content: bytes) -> str:
    """What to do if a file is not in the encoding that it is read in; "" if that is not the trouble."""
    if DECLARED.match(content[:200].lstrip()) or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return (
            f"; byte {error.start} is no UTF-8: save it as UTF-8, or let its first line name its encoding, as in "
            '<?xml version="1.0" encoding="gbk"?>'
        )
    return ""
