"""Reads folders of VOC's XML annotations, as LabelImg, CVAT and others write them, beside any folder of images.

The tree of VOC itself, with its lists, is `boxsup.catalogue.readers.voc`; both read a file as
`boxsup.catalogue.readers.voc_objects` does. What a file says of its image's name (`filename`, `path`) is not looked at:
its own name tells which image it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from boxsup.catalogue.readers import voc_objects
from boxsup.catalogue.readers.folder import Annotations, FolderSplit, ParsedObjects, read_folder
from boxsup.catalogue.readers.voc_objects import CornerConvention
from boxsup.catalogue.records import Listing
from boxsup.settings import parse

ENDING = ".xml"


@dataclass(frozen=True)
class VocXmlSplit(FolderSplit):
    """A split's settings.

    Attributes:
        corners: "voc": pixels from 1, the last one included; "plane": borders from 0; "": as "voc", but a file that
            shows that it counts from 0 is a problem.
    """

    corners: CornerConvention = ""


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of XML annotations; see `boxsup.catalogue.readers`."""
    split = parse(VocXmlSplit, settings, "split")
    return read_folder(root, split, classes, Annotations(ENDING, partial(read_objects, classes, split.corners)))


def read_objects(
    classes: Sequence[str], corners: CornerConvention, content: bytes, height: int, width: int, drawn: bool
) -> ParsedObjects:
    """The objects of an image, whose pixels VOC's XML does not know; see `voc_objects.read_all`."""
    return voc_objects.read_objects(content, height, width, classes, corners)
