"""Reads folders of VOC's XML annotations, as LabelImg, CVAT and others write them, beside any folder of images.

The tree of VOC itself, with its lists, is `boxsup.catalogue.readers.voc`, whose reader of a file this is. What a file
says of its image (`filename`, `path`, `size`) is not looked at: its own name tells which image it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from boxsup.catalogue.readers.folder import Annotations, FolderSplit, Found, read_folder
from boxsup.catalogue.readers.segments import Thing
from boxsup.catalogue.readers.voc import read_annotation
from boxsup.catalogue.records import Listing
from boxsup.settings import parse

ENDING = ".xml"


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of XML annotations; see `boxsup.catalogue.readers`."""
    split = parse(FolderSplit, settings, "split")
    return read_folder(root, split, classes, Annotations(ENDING, partial(read_objects, classes)))


def class_names(content: bytes) -> list[str]:
    """The names of a file's objects, in order, as far as it can be read."""
    try:
        root = fromstring(content, forbid_dtd=True)
    except (DefusedXmlException, ParseError, ValueError, LookupError):
        return []
    names = [(element.findtext("name") or "").strip() for element in root.findall("object")]
    return [name for name in names if name]


def read_objects(classes: Sequence[str], content: bytes, height: int, width: int, drawn: bool) -> Found:
    """The objects of an image, whose pixels VOC's XML does not know; see `voc.read_annotation`."""
    boxes, texts = read_annotation(content, height, width, classes)
    return [Thing(box, None) for box in boxes], texts
