"""Reads trees in VOC layout: lists, annotations, and one image with all that belongs to it.

The layout is that of PASCAL VOC 2012: `ImageSets/Segmentation/LIST.txt`, `JPEGImages/ID.jpg`, `Annotations/ID.xml` and
masks in `SegmentationClass/ID.png` or another folder, object masks in `SegmentationObject/ID.png`. VOC's 1-based
inclusive corners become half-open 0-based ones here and nowhere else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from numpy.typing import NDArray

from boxsup.catalogue.tables import read_image, read_mask
from boxsup.errors import ConfigError, DataError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

VOID = 255
BACKGROUND = "background"
LISTS, IMAGES, ANNOTATIONS, MASKS = "ImageSets/Segmentation", "JPEGImages", "Annotations", "SegmentationClass"
OBJECT_MASKS = "SegmentationObject"
IMAGES_ONLY = "none"  # in place of a folder of masks: images of a test set, which need neither mask nor annotation
CORNERS = ("xmin", "ymin", "xmax", "ymax")
MAX_ID = 200  # characters: file systems allow names of 255 bytes


class Box(NamedTuple):
    """An annotated object: label 1…C-1, half-open 0-based pixel corners, and the `difficult` flag, 0 or 1."""

    label: int
    x0: int
    y0: int
    x1: int
    y1: int
    difficult: int


class Problem(NamedTuple):
    """Something wrong: the image it belongs to ("" if none), the file at fault, and what is wrong in one line."""

    image: str
    file: str
    problem: str


@dataclass(frozen=True)
class Record:
    """An image, checked; usable if it has no problems.

    Attributes:
        image: Its id.
        path: Its file.
        height: In pixels as stored; 0 if the file cannot be read.
        width: Likewise.
        mask: File of its true mask, "" if it has none.
        objects: File of its object mask, "" if it has none.
        boxes: Its objects in the order of the annotation.
        problems: All that is wrong with its files.
    """

    image: str
    path: str
    height: int = 0
    width: int = 0
    mask: str = ""
    objects: str = ""
    boxes: list[Box] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Tree:
    """A tree in VOC layout, the folder whose masks come first, and its classes, the background included."""

    root: Path
    masks: str
    classes: tuple[str, ...]

    def mask(self, image: str) -> Path | None:
        """File of an image's true mask: in the folder asked for, else in `SegmentationClass`, else none."""
        files = (self.root / folder / f"{image}.png" for folder in (self.masks, MASKS))
        return next((file for file in files if file.is_file()), None)

    def objects(self, image: str) -> Path | None:
        """File of an image's object mask, or none."""
        file = self.root / OBJECT_MASKS / f"{image}.png"
        return file if file.is_file() else None


def parse_classes(text: str) -> tuple[str, ...]:
    """Class names from a JSON list without the background, which is put first.

    Raises:
        ConfigError: The text is no list of 1…254 different, non-empty names, or names the background.
    """
    try:
        names = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"classes: not JSON ({error})") from error
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise ConfigError(f"classes: expected a list of names, got {text}")
    if not 1 <= len(names) < VOID:
        raise ConfigError(f"classes: expected 1 to {VOID - 1} names, got {len(names)}")
    if BACKGROUND in names or len(set(names)) < len(names):
        raise ConfigError(f"classes: every name must stand there once, and '{BACKGROUND}' not at all; got {text}")
    return (BACKGROUND, *names)


def read_list(path: Path) -> tuple[list[str], list[Problem]]:
    """The ids of an image list, one a line, and what is wrong with them.

    Empty lines are passed over. An id is part of a file name, so it may not lead into another folder.

    Args:
        path: The list, UTF-8.

    Returns:
        The ids that can be looked up, each once and in order, and the problems: ids that are no file names, and ids
        that stand there twice.

    Raises:
        DataError: The list is missing, empty or not text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        others = ", ".join(sorted(file.stem for file in path.parent.glob("*.txt"))) or "none"
        raise DataError(f"{path}: no such image list; lists in that folder: {others}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file of image ids ({error.reason} at byte {error.start})") from error
    listed = [line.strip() for line in lines if line.strip()]
    if not listed:
        raise DataError(f"{path}: lists no image; put one image id on each line")
    seen: dict[str, None] = {}
    problems = []
    for image in listed:
        if not is_id(image):
            problems.append(Problem(image[:MAX_ID], str(path), f"{image[:60]!r} is no image id but a path or no name"))
        elif image in seen:
            problems.append(Problem(image, str(path), f"{image} is listed more than once"))
        else:
            seen[image] = None
    return list(seen), problems


def is_id(text: str) -> bool:
    """Whether a text can be the stem of a file in its folder: no separators, not hidden, printable, not too long."""
    return text.isprintable() and not set(text) & set("/\\:") and text[0] != "." and len(text) <= MAX_ID


def check_image(tree: Tree, image: str) -> Record:
    """Read and check every file of one image.

    The image must decode in full; the mask must be of its size and hold labels 0…C-1 and 255 only, and so must the
    object mask, whose numbers are free; the annotation must be plain XML whose boxes have a known class, are not inside
    out and lie inside the image. An image that has a mask needs no annotation: it then has no boxes; nor does
    one of a split of images only. The annotation's
    `size` is not looked at: the stored pixels count.

    Args:
        tree: Where to look.
        image: A valid id.

    Returns:
        The image with its masks and boxes, or with its problems.
    """
    path = tree.root / IMAGES / f"{image}.jpg"
    if not path.is_file():
        return Record(image, str(path), problems=[_problem(image, path, "no such image; take its id off the list")])
    annotation = tree.root / ANNOTATIONS / f"{image}.xml"
    mask, objects = tree.mask(image), tree.objects(image)
    problems: list[Problem] = []
    height = width = 0
    try:
        height, width = read_image(path).shape[:2]
    except DataError as error:
        problems.append(_problem(image, path, str(error)))
    if mask is not None:
        problems += [_problem(image, mask, text) for text in mask_problems(mask, height, width, len(tree.classes))]
    if objects is not None:
        problems += [_problem(image, objects, text) for text in mask_problems(objects, height, width, VOID)]
    boxes: list[Box] = []
    if annotation.is_file():
        boxes, texts = read_annotation(annotation.read_bytes(), height, width, tree.classes)
        problems += [_problem(image, annotation, text) for text in texts]
    elif mask is None and tree.masks != IMAGES_ONLY:
        problems.append(_problem(image, annotation, "no such annotation, and the image has no mask either"))
    return Record(image, str(path), height, width, str(mask or ""), str(objects or ""), boxes, problems)


def mask_problems(path: Path, height: int, width: int, classes: int) -> list[str]:
    """What is wrong with a mask file: unreadable, of another size than its image, or with unknown labels.

    Args:
        path: A palette or 8-bit grey PNG.
        height: Of the image; 0 if it is not known.
        width: Likewise.
        classes: C with the background; labels are 0…C-1 and 255. For an object mask 255: any number is fine.
    """
    try:
        mask = read_mask(path)
    except DataError as error:
        return [str(error)]
    problems = []
    if height and mask.shape != (height, width):
        got = f"{mask.shape[1]}×{mask.shape[0]}"
        problems.append(f"the mask has {got} pixels, its image {width}×{height} (width×height)")
    unknown = unknown_labels(mask, classes)
    if unknown:
        problems.append(f"the mask holds {_some(unknown)}; expected 0 to {classes - 1}, or {VOID} for void")
    return problems


def unknown_labels(mask: NDArray[np.uint8], classes: int) -> list[int]:
    """The values of a uint8 mask, in order, that are neither a label 0…C-1 nor void."""
    counts = np.bincount(mask.ravel(), minlength=VOID + 1)
    return [int(value) for value in np.flatnonzero(counts[:VOID]) if value >= classes]


def read_annotation(xml: bytes, height: int, width: int, classes: Sequence[str]) -> tuple[list[Box], list[str]]:
    """The objects of a VOC annotation.

    Args:
        xml: The file's content.
        height: Of the image in pixels; 0 if it is not known, and boxes are then not held against it.
        width: Likewise.
        classes: Names by label, the background first.

    Returns:
        The boxes that are right, and one line for each thing that is wrong, objects numbered from 1.
    """
    try:
        root = fromstring(xml, forbid_dtd=True)
    except DefusedXmlException:
        return [], ["the XML declares a DTD or entities, which annotations have no need of; take them out"]
    except (ParseError, ValueError, LookupError) as error:
        return [], [f"not XML ({error})"]
    boxes, problems = [], []
    for number, element in enumerate(root.findall("object"), start=1):
        try:
            boxes.append(_box(element, height, width, classes))
        except ValueError as error:
            problems.append(f"object {number}: {error}")
    return boxes, problems


def _box(element: Element, height: int, width: int, classes: Sequence[str]) -> Box:
    """One `object` element; raises a ValueError that says what is wrong with it."""
    name = (element.findtext("name") or "").strip()
    if name not in classes[1:]:
        raise ValueError(f"unknown class {name[:60]!r}; known are {', '.join(classes[1:])}")
    difficult = (element.findtext("difficult") or "0").strip()
    if difficult not in ("0", "1"):
        raise ValueError(f"difficult must be 0 or 1, got {difficult[:60]!r}")
    xmin, ymin, xmax, ymax = (_corner(element, corner) for corner in CORNERS)
    shown = f"({xmin}, {ymin}) to ({xmax}, {ymax})"
    if xmax < xmin or ymax < ymin:
        raise ValueError(f"box {shown} is inside out: xmin and ymin must not exceed xmax and ymax")
    if height and (min(xmin, ymin) < 1 or xmax > width or ymax > height):
        raise ValueError(f"box {shown} is not inside its image, whose pixels are (1, 1) to ({width}, {height})")
    # 1-based and inclusive: the first pixel moves down by one, the last becomes the first behind the box.
    return Box(classes.index(name), xmin - 1, ymin - 1, xmax, ymax, int(difficult))


def _corner(element: Element, corner: str) -> int:
    """A coordinate, rounded half up: some files of VOC itself hold 45.70000076293945."""
    text = element.findtext(f"bndbox/{corner}")
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"bndbox/{corner} must be a number, got {(text or '')[:60]!r}")
    return math.floor(value + 0.5)


def _problem(image: str, path: Path, text: str) -> Problem:
    """One line, without the file's name in front, which has its own column."""
    return Problem(image, str(path), " ".join(text.removeprefix(f"{path}: ").split()))


def _some(values: Sequence[int], most: int = 5) -> str:
    return ", ".join(map(str, values[:most])) + (f" and {len(values) - most} more" if len(values) > most else "")
