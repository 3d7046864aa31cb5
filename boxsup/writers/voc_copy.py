"""Changes a user's VOC XML: `segmented`, and names, corners and `difficult` of objects; the rest keeps its bytes.

Elements are found by parsing, not by their text: a comment may hold an object, an object a part with a name of its own.
The parser says where each element begins and ends; only these places are written anew, in the encoding of the file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape

from boxsup.catalogue.readers.voc_objects import CORNERS, declared_codec
from boxsup.image.boxes import Corners

SHAPES = ("bndbox", "robndbox", "polygon")  # what says where an object is; the reader takes the first that is there
DIFFICULT = "<difficult>1</difficult>"
SEGMENTED = "<segmented>1</segmented>"
UPRIGHT = "0.0"  # the degrees of a box that is not rotated, as CVAT writes them
BLANKS = b" \t\r\n"
TAG = re.compile(rb"""<[^<>"']*(?:"[^"]*"[^<>"']*|'[^']*'[^<>"']*)*>""")
LINE = re.compile(rb"[ \t]*\r?\n")  # the rest of a line without content
BEGINNINGS = {  # of a file, where they say its encoding
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}


class ObjectChange(NamedTuple):
    """What is new about an object.

    Attributes:
        name: Its class; "" if that stays.
        corners: xmin, ymin, xmax and ymax of an upright box, as the file counts them; None if they stay.
        difficult: Whether it is to be difficult.
    """

    name: str = ""
    corners: Corners | None = None
    difficult: bool = False


class Edit(NamedTuple):
    """A part of a text, from `start` to `end`, and what takes its place."""

    start: int
    end: int
    text: str


@dataclass
class Element:
    """An element and where it is.

    Attributes:
        tag: Its name.
        start: Where its first tag begins.
        opened: Where its first tag ends.
        closed: Where its last tag begins; None if it has but one, as `<difficult/>`.
        end: Where it ends.
        text: Its characters before its first child.
        children: The elements in it, in order.
    """

    tag: str
    start: int
    opened: int
    closed: int | None = None
    end: int = 0
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def first(self, *tags: str) -> Element | None:
        """The first child with the first of these tags that a child has."""
        return next((child for tag in tags for child in self.children if child.tag == tag), None)

    def filled(self, text: str) -> Edit:
        """The edit by which the element contains this text and nothing else."""
        if self.closed is None:
            return Edit(self.start, self.end, f"<{self.tag}>{text}</{self.tag}>")
        return Edit(self.opened, self.closed, text)


def change_objects(xml: bytes, changes: Mapping[int, ObjectChange], left_out: Collection[int] = ()) -> bytes:
    r"""Change objects of an annotation, and leave others out, with their lines.

    >>> xml = b"<a><!-- <object/> -->\n<object><name>cat</name></object>\n<object/>\n</a>"
    >>> change_objects(xml, {0: ObjectChange("dog")}, left_out=[1])
    b'<a><!-- <object/> -->\n<object><name>dog</name></object>\n</a>'

    Args:
        xml: The file's content, which `boxsup.catalogue.readers.voc_objects` could read.
        changes: What is new, by the place (from 0) of the object in the file.
        left_out: The places of objects that the result does not have.

    Raises:
        ValueError: The file has fewer objects, or its encoding is not understood.
    """
    codec = encoding_of(xml)
    text = xml.decode(codec).encode()
    objects = [element for element in _parsed(text).children if element.tag == "object"]
    if len(objects) <= max([*changes, *left_out], default=-1):
        raise ValueError(f"it has {len(objects)} objects")
    edits = [_removal(text, objects[place]) for place in left_out]
    for place, change in changes.items():
        edits += _edits(text, objects[place], change)
    return _edited(xml, text, codec, edits)


def mark_segmented(xml: bytes) -> bytes:
    """Mark in an annotation that its image has masks.

    >>> mark_segmented(b"<annotation><segmented>0</segmented></annotation>")
    b'<annotation><segmented>1</segmented></annotation>'

    Args:
        xml: The file's content. If its encoding is not understood, nothing changes.
    """
    try:
        codec = encoding_of(xml)
        text = xml.decode(codec).encode()
        root = _parsed(text)
    except ValueError:
        return xml
    told, first = root.first("segmented"), root.first("object")
    if told is not None:
        return _edited(xml, text, codec, [told.filled("1")])
    if first is None:
        return xml
    return _edited(xml, text, codec, [_before(text, first, SEGMENTED)])


def encoding_of(xml: bytes) -> str:
    """The name of Python's codec for a file: by its first bytes, or as it declares it, or UTF-8.

    >>> encoding_of(b'<?xml version="1.0" encoding="GBK"?><annotation/>')
    'gbk'

    Raises:
        ValueError: There is no such codec.
    """
    begun = next((name for first, name in BEGINNINGS.items() if xml.startswith(first)), "")
    try:
        return begun or declared_codec(xml) or "utf-8"
    except LookupError as error:
        raise ValueError(str(error)) from error


def _parsed(text: bytes) -> Element:
    """The root of an XML in UTF-8, whatever it declares; places count bytes."""
    parser = expat.ParserCreate("utf-8")
    top = Element("", 0, 0)
    stack = [top]

    def begin(tag: str, _: object) -> None:
        start = parser.CurrentByteIndex
        found = TAG.match(text, start)
        element = Element(tag, start, found.end() if found else start)
        stack[-1].children.append(element)
        stack.append(element)

    def finish(_: str) -> None:
        element = stack.pop()
        if text[element.opened - 2 : element.opened] == b"/>":
            element.end = element.opened
        else:
            element.closed = parser.CurrentByteIndex
            element.end = text.index(b">", element.closed) + 1

    def read(characters: str) -> None:
        if not stack[-1].children:
            stack[-1].text += characters

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, finish, read
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return top.children[0]


def _edits(text: bytes, element: Element, change: ObjectChange) -> Iterator[Edit]:
    """What changes an object."""
    name = element.first("name")
    if change.name and name is not None:
        yield name.filled(escape(change.name))
    if change.corners is not None:
        yield from _moved(text, element, change.corners)
    if change.difficult:
        yield from _difficult(text, element)


def _moved(text: bytes, element: Element, corners: Corners) -> Iterator[Edit]:
    """What gives an object an upright box with these corners, whatever it had."""
    shape = element.first(*SHAPES)
    if shape is None:
        return
    sides = {side: str(value) for side, value in zip(CORNERS, corners, strict=True)}
    if shape.tag == "bndbox":
        yield from (child.filled(sides[child.tag]) for child in shape.children if child.tag in sides)
    else:
        lead, tail = _spaces(text, shape)
        inside = "".join(f"{lead}<{side}>{value}</{side}>" for side, value in sides.items())
        yield Edit(shape.start, shape.end, f"<bndbox>{inside}{tail}</bndbox>")
        kind = element.first("type")  # roLabelImg's
        if kind is not None and kind.text.strip() == shape.tag:
            yield kind.filled("bndbox")
    for attributes in element.children:
        if attributes.tag == "attributes":
            yield from filter(None, map(_upright, attributes.children))


def _upright(attribute: Element) -> Edit | None:
    """What takes a rotation back, if this attribute of CVAT's is one."""
    name, value = attribute.first("name"), attribute.first("value")
    if name is None or value is None or name.text.strip() != "rotation" or value.text.strip() in ("0", UPRIGHT):
        return None
    return value.filled(UPRIGHT)


def _spaces(text: bytes, shape: Element) -> tuple[str, str]:
    """What stands before the first and after the last child of an element, if these are blanks."""
    if not shape.children or shape.closed is None:
        return "", ""
    lead, tail = text[shape.opened : shape.children[0].start], text[shape.children[-1].end : shape.closed]
    return ("", "") if lead.strip(BLANKS) or tail.strip(BLANKS) else (lead.decode(), tail.decode())


def _difficult(text: bytes, element: Element) -> Iterator[Edit]:
    """What marks an object as difficult."""
    told, shape = element.first("difficult"), element.first(*SHAPES)
    if told is not None:
        yield told.filled("1")
    elif shape is not None:
        yield _before(text, shape, DIFFICULT)


def _before(text: bytes, element: Element, new: str) -> Edit:
    """What inserts an element before another, with as many blanks between them as before that."""
    before = text[: element.start]
    spaces = before[len(before.rstrip(BLANKS)) :].decode()
    return Edit(element.start, element.start, f"{new}{spaces}")


def _removal(text: bytes, element: Element) -> Edit:
    """What removes an element with the blanks before it, and its line if nothing else is on it."""
    rest = LINE.match(text, element.end)
    return Edit(len(text[: element.start].rstrip(b" \t")), rest.end() if rest else element.end, "")


def _edited(xml: bytes, text: bytes, codec: str, edits: list[Edit]) -> bytes:
    """A file in which parts are replaced; all others keep their bytes.

    Args:
        xml: The file's content.
        text: The same in UTF-8.
        codec: The encoding of the file.
        edits: The edits, whose places count bytes of `text`; none overlap.
    """
    starts = None if codec == "utf-8" else _starts(xml, codec)

    def place(own: int) -> int:
        return own if starts is None else starts[len(text[:own].decode())]

    for start, end, new in sorted(edits, reverse=True):
        xml = xml[: place(start)] + new.encode(codec, "xmlcharrefreplace") + xml[place(end) :]
    return xml


def _starts(content: bytes, codec: str) -> list[int]:
    """Where each character begins, in bytes, and where the last one ends."""
    decoder, starts = codecs.getincrementaldecoder(codec)(), [0]
    for place in range(len(content)):
        starts += [place + 1] * len(decoder.decode(content[place : place + 1]))
    return starts
