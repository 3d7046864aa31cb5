"""Somebody's own annotations: which format a path is of, and the records of its images whichever it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from boxsup.catalogue.names import class_name, image_id, is_background, shown
from boxsup.catalogue.readers import READERS, labelme, voc_objects, voc_xml, yolo
from boxsup.catalogue.readers.beside import annotation_files
from boxsup.catalogue.readers.coco import open_instances
from boxsup.catalogue.readers.coco_form import instance_files
from boxsup.catalogue.readers.folder import DRAWN, MAX_BYTES, NONE
from boxsup.catalogue.readers.image_files import images_below
from boxsup.catalogue.records import (
    BACKGROUND,
    Listing,
    Problem,
    Unusable,
    check_inside,
    first_of,
    links_outside,
    problem,
)
from boxsup.errors import DataError
from boxsup.store.foreign import read_content, read_json

EXPECTED = (
    "expected a COCO JSON, a folder of VOC XML, a folder of YOLO txt with a data.yaml in it or above it, or a folder "
    "of LabelMe JSON"
)
ORIENTED = "polygons have four corners each: they are taken for oriented boxes, and for no masks unless --masks says so"
ENDINGS = {voc_xml.ENDING: "voc_xml", yolo.ENDING: "yolo", labelme.ENDING: "labelme"}
NUMBERED = ("coco", "yolo")  # formats that give classes an order
NAMES: dict[str, Callable[[bytes], list[str]]] = {"voc_xml": voc_objects.class_names, "labelme": labelme.class_names}


@dataclass(frozen=True)
class Source:
    """Images with annotations, recognised.

    Attributes:
        format: As in the configuration, a key of `boxsup.catalogue.readers.READERS`.
        images: The folder of images.
        annotations: The JSON, or the folder of annotations.
        classes: Names by label, the background first: all that the annotations know of.
        data: The file that names the classes of YOLO's labels, else None.
        corners: How VOC XML counts, see `boxsup.catalogue.readers.voc_xml.VocXmlSplit`; "" for other formats.
        ids: What ids are made of, see `boxsup.config.datasets.FolderSplit`.
        boxes_only: Whether the annotations have no segmentation that is a true mask.
        notes: What a person should know of how they are read.
        masks: Where true masks come from: a folder of PNGs, NONE, or DRAWN.
        links: Whether symbolic links may lead out of these folders.
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

    def split(self, names: str = "") -> dict[str, str | bool]:
        """The settings of a split, see `boxsup.config.datasets.FolderSplit`, by absolute paths.

        Args:
            names: Its list of images, below the data set's root; "" for all.
        """
        masks = self.masks if self.masks in (NONE, DRAWN) else str(Path(self.masks).absolute())
        data = str(self.data.absolute()) if self.data else ""
        more: dict[str, str | bool] = {"list": names, "data": data, "corners": self.corners, "links": self.links}
        more["ids"] = "" if self.ids == "name" else self.ids
        return {
            "images": str(self.images.absolute()),
            "annotations": str(self.annotations.absolute()),
            "masks": masks,
            **{key: value for key, value in more.items() if value},
        }

    def listing(self) -> Listing:
        """A check for each image, which gives its record; see `boxsup.catalogue.check.run_checks`."""
        return READERS[self.format](Path(), self.classes, json.dumps(self.split()))

    def image_id(self, name: str) -> str:
        """The id of an image by its name below the folder of images."""
        return image_id(name, self.ids == "path")

    def files(self) -> list[Path]:
        """The annotation files of a format that has one an image, without links that may not be followed."""
        inside = None if self.links else self.annotations
        return [file for file in self._all_files() if not links_outside(file.stem, inside, file)]

    def check_links(self) -> None:
        """Raise a DataError if annotation files are links that may not be followed."""
        for file in self._all_files():
            check_inside(file, None if self.links else self.annotations)

    def _all_files(self) -> list[Path]:
        endings = [ending for ending, form in ENDINGS.items() if form == self.format]
        return [file for ending in endings for file in annotation_files(self.annotations, ending)]

    def all_crowds(self, effect: str) -> str:
        """What to say where every box is a crowd: what follows from it, and what to do."""
        if self.format == "coco":
            advice = "CVAT writes brush masks so: set iscrowd to 0"
            return f"{self.annotations}: every box is a crowd (iscrowd 1): {effect}; {advice}"
        return f"{self.annotations}: every box is to be ignored: {effect}; leave some that are not"

    def with_masks(self, masks: str) -> Source:
        """The same with true masks from elsewhere."""
        return replace(self, masks=masks)

    def with_classes(self, names: Sequence[str]) -> Source:
        """The same with these classes alone, in this order."""
        return replace(self, classes=(BACKGROUND, *map(class_name, names)))

    def in_order_of(self, classes: Sequence[str]) -> Source:
        """The same with classes in this order, the others behind, where the annotations themselves give none.

        Args:
            classes: Names, the background first.
        """
        if self.format in NUMBERED:
            return self
        return self.with_classes(list(dict.fromkeys((*classes[1:], *self.classes[1:]))))


def recognise(images: Path, boxes: Path) -> str:
    """The format of annotations: `coco`, `voc_xml`, `yolo` or `labelme`.

    Args:
        images: The folder of images, which LabelMe's files may lie in too.
        boxes: A JSON of COCO's form, the folder of an export that has one beside the images of each part, or a folder
            that holds, itself or in folders below, the files of one format.

    Raises:
        DataError: It is none of them; says what was found and what is expected.
    """
    if not images.is_dir():
        raise DataError(f"{images}: no such folder of images")
    if boxes.is_file():
        if boxes.suffix.lower() == ".json":
            return "coco"
        raise DataError(f"{boxes}: found a file {boxes.suffix or 'without ending'}; {EXPECTED}")
    if not boxes.is_dir():
        raise DataError(f"{boxes}: no such file or folder; {EXPECTED}")
    if instance_files(boxes):
        return "coco"
    counts = _counts(boxes)
    found = [ending for ending, count in counts.items() if count]
    if yolo.ENDING in found and yolo.find_data(boxes) is None:
        if found == [yolo.ENDING]:
            raise DataError(
                f"{boxes}: found {counts[yolo.ENDING]} {yolo.ENDING} files, and no data.yaml in it or above it, which "
                "names YOLO's classes (`names: [cat, dog]`), nor a classes.txt with a name on each line; put one there"
            )
        found.remove(yolo.ENDING)  # lists of images, read-me files
    if found == [labelme.ENDING]:
        _check_labelme(boxes)
    if len(found) == 1:
        return ENDINGS[found[0]]
    several = ", ".join(f"{count} {ending} files" for ending, count in counts.items() if count)
    raise DataError(f"{boxes}: found {several or 'no annotation'}; {EXPECTED}")


def open_source(images: Path, boxes: Path, links: bool = False) -> Source:
    """Recognise annotations and read which classes they know of; no image is read yet.

    Args:
        images: See `recognise`.
        boxes: Likewise.
        links: Whether symbolic links may lead out of the two.

    Raises:
        DataError: They are of no known format, or name no class, or one whose name cannot be printed.
    """
    form = recognise(images, boxes)
    source = Source(form, images, boxes, (), boxes_only=form == "voc_xml", links=links)
    if source.format == "coco":
        names, files = open_instances(boxes)
    else:
        source, names = _of_files(source)
        files = images_below(images)
    odd = next((name for name in names if not name.isprintable()), None)
    if odd is not None:
        raise DataError(f"{boxes}: the class '{shown(odd[:60])}' has a name that cannot be shown; give it another")
    source = replace(source, ids=ids_of(files))
    if source.ids == "path":
        source = replace(
            source, notes=(*source.notes, "images of one name in several folders: ids have the folders' names")
        )
    return source.with_classes(list(dict.fromkeys(name for name in names if not is_background(name))))


def ids_of(names: Sequence[str]) -> str:
    """What ids are made of: names, or paths where images of one name lie in several folders."""
    by_name, by_path = ({image_id(name, by_path) for name in names} for by_path in (False, True))
    return "path" if len(by_name) < len(by_path) else "name"


def _of_files(source: Source) -> tuple[Source, list[str]]:
    """The settings and the classes' names of a format that has one file an image."""
    if source.format == "yolo":
        data = yolo.find_data(source.annotations) or source.annotations / yolo.DATA
        if yolo.oriented(source.files()):
            source = replace(source, boxes_only=True, notes=(*source.notes, ORIENTED))
        return replace(source, data=data), [name for _, name in sorted(yolo.read_names(data).items())]
    names, zero, problems = _seen_in(source)
    if all(is_background(name) for name in names):
        source.check_links()
        text = f"{source.annotations}: the annotations name no class; {EXPECTED}"
        raise Unusable(first_of(problems, "no class is left") if problems else text, problems)
    if source.format == "voc_xml":
        notes = (f"corners are taken for borders from 0, as {zero}; `corners: voc` for pixels from 1",) if zero else ()
        source = replace(source, corners="plane" if zero else "voc", notes=notes)
    return source, names


def _seen_in(source: Source) -> tuple[list[str], str, list[Problem]]:
    """The names of all objects, sorted; what shows that VOC XML counts from 0; and files that cannot be read."""
    names: set[str] = set()
    zero, problems = "", []
    for file in source.files():  # one in memory at a time
        try:
            content = read_content(file, "", MAX_BYTES)
            names.update(NAMES[source.format](content))
            if source.format == "voc_xml" and not zero:
                reason = voc_objects.counts_from_zero(voc_objects.parse_xml(content))
                zero = f"{shown(file.name)}: {reason}" if reason else ""
        except ValueError as error:
            problems.append(problem("", file, str(error)))
    return sorted(names), zero, problems


def _counts(folder: Path) -> dict[str, int]:
    """How many files of each ending there are; JSON that other tools leave beside their own files is passed over."""
    counts = {ending: sum(1 for _ in annotation_files(folder, ending)) for ending in ENDINGS}
    alone = counts[labelme.ENDING] == sum(counts.values())
    return counts if alone or _has_labelme(folder) else counts | {labelme.ENDING: 0}


def _check_labelme(folder: Path) -> None:
    """Raise a DataError that names COCO's JSON where a folder holds that and no files of LabelMe's."""
    if not _has_labelme(folder):
        first = next(annotation_files(folder, labelme.ENDING))
        raise DataError(
            f"{folder}: found {shown(first.name)}, which is no LabelMe JSON (it has no shapes); a COCO JSON is named "
            "itself, not its folder"
        )


def _has_labelme(folder: Path) -> bool:
    files = (file for file in annotation_files(folder, labelme.ENDING) if file.stat().st_size <= MAX_BYTES)
    return any("shapes" in _keys(file) for file in files)


def _keys(path: Path) -> set[str]:
    try:
        content = read_json(path, "")
    except DataError:
        return set()
    return set(content) if isinstance(content, dict) else set()
