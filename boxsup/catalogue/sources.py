"""Reads a user's own annotations and their images, whatever the format."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from boxsup.catalogue.formats import ENDINGS, EXPECTED, recognise_format
from boxsup.catalogue.names import class_name, image_id, is_background, printable
from boxsup.catalogue.readers import READERS, labelme, voc_objects, yolo
from boxsup.catalogue.readers.beside import annotation_files
from boxsup.catalogue.readers.coco import open_instances
from boxsup.catalogue.readers.folder import DRAWN, MAX_BYTES, NONE
from boxsup.catalogue.readers.image_files import images_below
from boxsup.catalogue.records import (
    BACKGROUND,
    Listing,
    Problem,
    UnusableData,
    check_inside,
    image_problem,
    link_problems,
    summarise_problems,
)
from boxsup.catalogue.source_notes import notes_on_capitals, notes_on_masks, notes_on_names, notes_on_ours
from boxsup.config.datasets import CornerConvention
from boxsup.errors import DataError
from boxsup.store.foreign import read_content

ORIENTED = (
    "polygons have four corners each: they are taken for oriented boxes, not for masks (init: unless --masks says so)"
)
NUMBERED = ("coco", "yolo")  # formats that define an order of classes
NAMES: dict[str, Callable[[bytes], list[str]]] = {"voc_xml": voc_objects.class_names, "labelme": labelme.class_names}


@dataclass(frozen=True)
class Source:
    """Images with annotations of a recognised format.

    Attributes:
        format: The format, a key of `boxsup.catalogue.readers.READERS`.
        images: The folder of images.
        annotations: The JSON, or the folder of annotations.
        classes: Class names, the background first: all classes in the annotations.
        data: The file that names YOLO's classes; None for other formats.
        corners: How VOC XML counts, see `boxsup.catalogue.readers.voc_xml.VocXmlSplit`; "" for other formats.
        ids: What ids are made of, see `boxsup.config.datasets.FolderSplit`.
        boxes_only: Whether the annotations have no segmentations to use as true masks.
        notes: What the user should know about how the annotations are read.
        masks: Where true masks come from: a folder of PNGs, NONE, or DRAWN.
        links: Whether symbolic links may lead out of these folders.
        others: Whether the annotations have classes that are left out.
    """

    format: str
    images: Path
    annotations: Path
    classes: tuple[str, ...]
    data: Path | None = None
    corners: str = ""
    ids: str = "name"
    boxes_only: bool = False
    notes: tuple[str, ...] = ()
    masks: str = NONE
    links: bool = False
    others: bool = False

    @property
    def mask_folder(self) -> Path | None:
        """The folder of true masks, or None. It holds no images, also if it is below theirs."""
        return None if self.masks in (NONE, DRAWN) else Path(self.masks)

    def split_settings(self) -> dict[str, str | bool]:
        """Settings of a split of all images, with absolute paths; see `boxsup.config.datasets.FolderSplit`."""
        masks = str(self.mask_folder.absolute()) if self.mask_folder else self.masks
        data = str(self.data.absolute()) if self.data else ""
        optional: dict[str, str | bool] = {"data": data, "corners": self.corners, "links": self.links}
        optional["ids"] = "" if self.ids == "name" else self.ids
        optional["other_classes"] = "background" if self.others and self.format not in NUMBERED else ""
        return {
            "images": str(self.images.absolute()),
            "annotations": str(self.annotations.absolute()),
            "masks": masks,
            **{key: value for key, value in optional.items() if value},
        }

    def listing(self) -> Listing:
        """List the images, each with a check that returns its record; see `boxsup.catalogue.check.run_checks`."""
        return READERS[self.format](Path(), self.classes, json.dumps(self.split_settings()))

    def image_id(self, name: str) -> str:
        """The id of an image, given its name below the folder of images."""
        return image_id(name, self.ids == "path")

    def files(self) -> list[Path]:
        """The annotation files of a format with one file per image, without links that may not be followed."""
        inside = None if self.links else self.annotations
        return [file for file in self._all_files() if not link_problems(file.stem, inside, file)]

    def check_links(self) -> None:
        """Raise a DataError if an annotation file is a link that may not be followed."""
        for file in self._all_files():
            check_inside(file, None if self.links else self.annotations)

    def _all_files(self) -> list[Path]:
        endings = [ending for ending, form in ENDINGS.items() if form == self.format]
        return [file for ending in endings for file in annotation_files(self.annotations, ending, self.images)]

    def crowds_message(self, effect: str) -> str:
        """The message for annotations in which every box is a crowd: the effect of that, and what to do."""
        if self.format == "coco":
            advice = "CVAT writes brush masks so: set iscrowd to 0"
            return f"{self.annotations}: every box is a crowd (iscrowd 1): {effect}; {advice}"
        return f"{self.annotations}: every box is to be ignored: {effect}; leave some that are not"

    def with_masks(self, masks: str) -> Source:
        """A copy with true masks from somewhere else."""
        return replace(self, masks=masks)

    def with_classes(self, names: Sequence[str]) -> Source:
        """A copy with only these classes, in this order."""
        return replace(self, classes=(BACKGROUND, *map(class_name, names)))

    def with_class_order(self, classes: Sequence[str]) -> Source:
        """A copy with classes in this order and all other classes after them, unless the format defines the order.

        Args:
            classes: Class names, the background first.
        """
        if self.format in NUMBERED:
            return self
        return self.with_classes(list(dict.fromkeys((*classes[1:], *self.classes[1:]))))


def open_source(
    images: Path, boxes: Path, links: bool = False, corners: CornerConvention = "", masks: Path | None = None
) -> Source:
    """Recognise annotations and read their class names. Reads no image.

    Args:
        images: The folder of images.
        boxes: The annotations, see `recognise_format`.
        links: Whether symbolic links may lead out of the two.
        corners: How VOC XML counts; "" for as its files show.
        masks: The true masks that will be used, if they are in a folder: see `Source.mask_folder`.

    Raises:
        DataError: The format is unknown, or there is no class, or a class name cannot be printed, or `corners` is given
            for another format than VOC XML.
    """
    form = recognise_format(images, boxes)
    if corners and form != "voc_xml":
        raise DataError(f"--corners says how VOC XML counts, and {boxes} is {form}; leave it out")
    source = Source(form, images, boxes, (), corners=corners, boxes_only=form == "voc_xml", links=links)
    if source.format == "coco":
        names, files = open_instances(boxes)
    else:
        source, names = _of_files(source)
        files = images_below(images, None if masks is None or masks.absolute() == boxes.absolute() else masks)
        source = replace(source, notes=(*source.notes, *notes_on_masks(files)))
    odd = next((name for name in names if not name.isprintable()), None)
    if odd is not None:
        raise DataError(f"{boxes}: the class '{printable(odd[:60])}' has a name that cannot be shown; give it another")
    source = replace(source, ids=kind_of_ids(files))
    if source.ids == "path":
        source = replace(
            source, notes=(*source.notes, "images in several folders share names: their ids include the folders")
        )
    source = replace(source, notes=(*source.notes, *notes_on_ours(images, boxes), *notes_on_capitals(names)))
    return source.with_classes(list(dict.fromkeys(name for name in names if not is_background(name))))


def kind_of_ids(names: Sequence[str]) -> str:
    """What ids are made of: "name", or "path" if images in several folders share a name.

    >>> kind_of_ids(["a.jpg", "b/c.jpg"]), kind_of_ids(["a.jpg", "b/a.jpg"])
    ('name', 'path')
    """
    by_name, by_path = ({image_id(name, by_path) for name in names} for by_path in (False, True))
    return "path" if len(by_name) < len(by_path) else "name"


def _of_files(source: Source) -> tuple[Source, list[str]]:
    """The completed source and its class names, for a format with one annotation file per image."""
    if source.format == "yolo":
        data = yolo.find_names_file(source.annotations) or source.annotations / yolo.DATA
        if yolo.has_oriented_boxes(source.files()):
            source = replace(source, boxes_only=True, notes=(*source.notes, ORIENTED))
        numbered = yolo.read_names(data)
        source = replace(source, data=data, notes=(*source.notes, *notes_on_names(source.annotations, data, numbered)))
        return source, [name for _, name in sorted(numbered.items())]
    names, zero_evidence, problems = _scan_files(source)
    if all(is_background(name) for name in names):
        source.check_links()
        text = f"{source.annotations}: the annotations name no class; {EXPECTED}"
        raise UnusableData(summarise_problems(problems, "no class is left") if problems else text, problems)
    if source.format == "voc_xml" and not source.corners:
        note = f"corners are taken for borders from 0, as {zero_evidence}; --corners voc takes them for pixels from 1"
        source = replace(source, corners="plane" if zero_evidence else "voc", notes=(note,) if zero_evidence else ())
    return source, names


def _scan_files(source: Source) -> tuple[list[str], str, list[Problem]]:
    """The class names in all files, sorted; the evidence that VOC XML counts from 0; a problem per unreadable file."""
    names: set[str] = set()
    zero_evidence, problems = "", []
    for file in source.files():  # holds one in memory at a time
        try:
            content = read_content(file, "", MAX_BYTES)
            names.update(NAMES[source.format](content))
            if source.format == "voc_xml" and not zero_evidence:
                reason = voc_objects.counts_from_zero(voc_objects.parse_xml(content))
                zero_evidence = f"{printable(file.name)}: {reason}" if reason else ""
        except ValueError as error:
            problems.append(image_problem("", file, str(error)))
    return sorted(names), zero_evidence, problems
