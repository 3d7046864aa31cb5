"""Reads folders of VOC's XML annotations, as LabelImg, CVAT and others write them, beside any folder of images.

The tree of VOC itself, with its lists, is `boxsup.catalogue.readers.voc`, whose reader of a file this is. What a file
says of its image (`filename`, `path`, `size`) is not looked at: its own name tells which image it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from boxsup.catalogue.readers.folder import Annotations, FolderSplit, Found, read_folder
from boxsup.catalogue.readers.segments import Thing
from boxsup.catalogue.readers.voc import read_annotation
from boxsup.catalogue.records import Listing
from boxsup.settings import parse

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ENDING = ".xml"


@dataclass(frozen=True)
class VocXmlSplit(FolderSplit):
    """A split's settings.

    Attributes:
        corners: "voc": pixels from 1, the last one included; "plane": borders from 0.
    """

    corners: Literal["voc", "plane"] = "voc"


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of XML annotations; see `boxsup.catalogue.readers`."""
    split = parse(VocXmlSplit, settings, "split")
    return read_folder(
        root, split, classes, Annotations(ENDING, partial(read_objects, classes, split.corners == "plane"))
    )


def class_names(content: bytes) -> list[str]:
    """The names of a file's objects, in order, as far as it can be read."""
    names = [(element.findtext("name") or "").strip() for element in _objects(content)]
    return [name for name in names if name]


def counts_from_zero(content: bytes) -> bool:
    """Whether a corner of a file is at 0, where VOC has no pixel: the tool that wrote it counts otherwise."""
    corners = [element.findtext(f"bndbox/{corner}") for element in _objects(content) for corner in ("xmin", "ymin")]
    return any(re.fullmatch(r"\s*0+(\.0*)?\s*", corner or "") for corner in corners)


def read_objects(classes: Sequence[str], plane: bool, content: bytes, height: int, width: int, drawn: bool) -> Found:
    """The objects of an image, whose pixels VOC's XML does not know; see `voc.read_annotation`.

    Every object is a box or a problem, so that places are right where there is no problem.
    """
    boxes, texts = read_annotation(content, height, width, classes, plane)
    return [Thing(box, None, (place,)) for place, box in enumerate(boxes)], texts


def _objects(content: bytes) -> list[Element]:
    try:
        return fromstring(content, forbid_dtd=True).findall("object")
    except (DefusedXmlException, ParseError, ValueError, LookupError):
        return []
