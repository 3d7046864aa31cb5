"""Reads folders of VOC's XML annotations, as LabelImg, CVAT and others write them, beside any folder of images.

`boxsup.catalogue.readers.voc` reads VOC's own tree with its lists. Both parse files with
`boxsup.catalogue.readers.voc_objects`. The image name inside a file (`filename`, `path`) is ignored: the name of the
XML file says which image it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from boxsup.catalogue.readers import voc_objects
from boxsup.catalogue.readers.folder import Annotations, ParsedObjects, read_folder
from boxsup.catalogue.records import BACKGROUND, Listing
from boxsup.config.build import parse
from boxsup.config.datasets import CornerConvention, VocXmlSplit

ENDING = ".xml"


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """List a split of XML annotations; see `boxsup.catalogue.readers`."""
    split = parse(VocXmlSplit, settings, "split")
    reads = partial(read_objects, classes, split.corners, split.other_classes == BACKGROUND)
    return read_folder(root, split, classes, Annotations(ENDING, reads))


def read_objects(
    classes: Sequence[str],
    corners: CornerConvention,
    others: bool,
    content: bytes,
    height: int,
    width: int,
    drawn: bool,
) -> ParsedObjects:
    """Parse the objects of an image, see `voc_objects.read_objects`. `drawn` has no effect: VOC's XML has no masks."""
    return voc_objects.read_objects(content, height, width, classes, corners, others)
