"""Reads a file of VOC's XML: the objects of an image, and how the tool that wrote it counts.

VOC's corners are pixels from 1, the last one included. CVAT, Datumaro, VoTT and others write borders on the plane of
`boxsup.catalogue.readers.segments`, from 0, into the same tags; nothing tells but what they write (`counts_from_zero`).
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
from boxsup.catalogue.readers.segments import NOTHING, AnnotatedObject, pixel_box, polygon_box, turned
from boxsup.catalogue.records import Box
from boxsup.config.datasets import CornerConvention

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

CORNERS = ("xmin", "ymin", "xmax", "ymax")
TURNED = ("cx", "cy", "w", "h", "angle")  # of roLabelImg's `robndbox`
FAR = 10**9  # px: where the image's size is not known, and of what a number may be
DECLARED = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([\w.:-]+)""")
WIDE = frozenset({"gbk", "gb2312", "gb18030", "big5", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949"})  # not expat's


def read_annotation(
    xml: bytes, height: int, width: int, classes: Sequence[str], corners: CornerConvention = "voc"
) -> tuple[list[Box], list[str]]:
    """The boxes of a VOC annotation that are right, and what is wrong with it; see `read_all`."""
    things, problems = read_all(xml, height, width, classes, corners)
    return [thing.box for thing in things if thing.is_object], problems


def read_all(
    xml: bytes, height: int, width: int, classes: Sequence[str], corners: CornerConvention
) -> tuple[list[AnnotatedObject], list[str]]:
    """The objects of a VOC annotation.

    Args:
        xml: The file's content.
        height: Of the image in pixels; 0 if it is not known, and nothing is held against it.
        width: Likewise.
        classes: Names by label, the background first; objects of that name are none.
        corners: How the file counts.

    Returns:
        The objects that are right, those among them that are passed over with a note, and one line for each thing that
        is wrong; objects are numbered from 1.
    """
    try:
        root = parse_xml(xml)
    except ValueError as error:
        return [], [str(error)]
    wrong = _size_problem(root, height, width) or ("" if corners else _count_problem(root))
    if wrong:
        return [], [wrong]
    height, width = height or FAR, width or FAR
    things, problems = [], []
    for number, element in enumerate(root.findall("object"), start=1):
        reason = _passed_over(element)
        note = f"object {number}: {reason}" if reason else ""
        try:
            box = NOTHING if reason else _box(element, height, width, classes, corners == "plane")
            things.append(AnnotatedObject(box, None, (number - 1,), note))
        except ValueError as error:
            problems.append(f"object {number}: {error}")
    return things, problems


def parse_xml(content: bytes) -> Element:
    """The root of an annotation; raises a ValueError that says what is wrong with the file."""
    try:
        root = fromstring(_decoded(content), forbid_dtd=True)
    except DefusedXmlException as error:
        text = "the XML declares a DTD or entities, which annotations have no need of; take them out"
        raise ValueError(text) from error
    except (ParseError, ValueError, LookupError) as error:
        raise ValueError(f"not XML ({error}){_encoding_advice(content)}") from error
    if root.tag != "annotation" and root.find("object") is None:
        raise ValueError(f"not VOC's XML: expected <annotation> with its objects, got <{root.tag[:60]}>")
    return root


def class_names(content: bytes) -> list[str]:
    """The names of a file's objects, in order; raises a ValueError as `parse_xml` does."""
    names = [_name(element) for element in parse_xml(content).findall("object")]
    return [name for name in names if name]


def counts_from_zero(root: Element) -> str:
    """What shows that corners are borders from 0, in words; "" if nothing does.

    A corner below 1, where VOC has no pixel; CVAT's tags; or fractions that differ, since pixels have none. VOC itself
    has some fractions.
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
    """A line where the file is of an image of another size than ours; VOC's own are wrong about some."""
    said = [_number(root.findtext(f"size/{side}")) for side in ("width", "height")]
    if not height or not all(0 < side < math.inf for side in said) or said == [width, height] or _is_vocs(root):
        return ""
    return (
        f"size says {said[0]:g}×{said[1]:g} pixels, the image has {width}×{height} (width×height): it was scaled, or a "
        "viewer turns it (EXIF), so boxes do not fit; save it as it was annotated, or take `size` out if they do fit"
    )


def _count_problem(root: Element) -> str:
    reason = counts_from_zero(root)
    advice = "say `corners: plane` beside the split's list, or `corners: voc` if pixels count from 1"
    return f"it seems to count from 0 ({reason}): {advice}" if reason else ""


def _passed_over(element: Element) -> str:
    """Why an element is no object, in words; "" if it is one."""
    if is_background(_name(element)):
        return "its class is the background, it is no object"
    return "is marked as deleted" if _text(element, "deleted") == "1" else ""  # by LabelMe's old files


def _box(element: Element, height: int, width: int, classes: Sequence[str], plane: bool) -> Box:
    """One `object` element; raises a ValueError that says what is wrong with it."""
    name = _name(element)
    if name not in classes[1:]:
        raise ValueError(f"unknown class {name[:60]!r}; known are {', '.join(classes[1:])}")
    difficult = _text(element, "difficult") or "0"
    if difficult not in ("0", "1"):
        raise ValueError(f"difficult must be 0 or 1, got {difficult[:60]!r}")
    return Box(classes.index(name), *_pixels(element, height, width, plane), int(difficult))


def _pixels(element: Element, height: int, width: int, plane: bool) -> tuple[int, int, int, int]:
    """Half-open pixel corners of an object, by its upright box, its turned one or its polygon, whichever it has."""
    if element.find("bndbox") is None and element.find("robndbox") is not None:
        x, y, across, down, angle = (_corner(element, f"robndbox/{tag}") for tag in TURNED)
        own = (x - across / 2, y - down / 2, x + across / 2, y + down / 2)
        return polygon_box([turned(own, math.degrees(angle))], height, width)[0]
    if element.find("bndbox") is None and element.find("polygon") is not None:
        return _of_polygon(element, height, width)
    xmin, ymin, xmax, ymax = (_corner(element, f"bndbox/{corner}") for corner in CORNERS)
    shown = f"({xmin:g}, {ymin:g}) to ({xmax:g}, {ymax:g})"
    if xmax < xmin or ymax < ymin:
        raise ValueError(f"box {shown} is inside out: xmin and ymin must not exceed xmax and ymax")
    degrees = _rotation(element)
    if degrees:
        own = (xmin - (not plane), ymin - (not plane), xmax, ymax)
        return polygon_box([turned(own, degrees)], height, width)[0]
    if plane:
        return pixel_box((xmin, ymin, xmax, ymax), height, width, f"box {shown}")
    x0, y0, x1, y1 = (math.floor(value + 0.5) for value in (xmin, ymin, xmax, ymax))
    if min(x0, y0) < 1 or x1 > width or y1 > height:
        raise ValueError(f"box {shown} is not inside its image, whose pixels are (1, 1) to ({width}, {height})")
    # 1-based and inclusive: the first pixel moves down by one, the last becomes the first behind the box.
    return x0 - 1, y0 - 1, x1, y1


def _of_polygon(element: Element, height: int, width: int) -> tuple[int, int, int, int]:
    """Half-open pixel corners of a polygon of LabelMe's old XML, whose corners are on the plane."""
    points = [[_corner(point, tag) for tag in ("x", "y")] for point in element.findall("polygon/pt")]
    if len(points) < 3:
        raise ValueError(f"no bndbox, and a polygon of {len(points)} corners; expected three at least")
    return polygon_box([np.array(points).ravel()], height, width)[0]


def _rotation(element: Element) -> float:
    """Degrees that a box is turned by, as CVAT keeps it among the attributes."""
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
    if not abs(value) < FAR:
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


def _decoded(content: bytes) -> bytes | str:
    """The content, decoded if it declares an encoding that the XML parser does not know."""
    declared = DECLARED.match(content[:200].lstrip())
    name = codecs.lookup(declared[1].decode()).name if declared else ""
    return content.decode(name) if name in WIDE else content


def _encoding_advice(content: bytes) -> str:
    """What to do where a file is not in the encoding that it is read in."""
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
