"""Reads folders of VOC's XML annotations, as LabelImg, CVAT and others write them, beside any folder of images.

The tree of VOC itself, with its lists, is `boxsup.catalogue.readers.voc`; both read a file as
`boxsup.catalogue.readers.voc_objects` does. What a file says of its image's name (`filename`, `path`) is not looked at:
its own name tells which image it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from boxsup.catalogue.readers.folder import Annotations, Found, read_folder
from boxsup.catalogue.readers.voc_objects import read_all
from boxsup.catalogue.records import Listing
from boxsup.config.build import parse
from boxsup.config.datasets import CornerConvention, VocXmlSplit

ENDING = ".xml"


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of XML annotations; see `boxsup.catalogue.readers`."""
    split = parse(VocXmlSplit, settings, "split")
    return read_folder(root, split, classes, Annotations(ENDING, partial(read_objects, classes, split.corners)))


def read_objects(
    classes: Sequence[str], corners: CornerConvention, content: bytes, height: int, width: int, drawn: bool
) -> Found:
    """The objects of an image, whose pixels VOC's XML does not know; see `voc_objects.read_all`."""
    return read_all(content, height, width, classes, corners)
