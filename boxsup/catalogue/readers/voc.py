"""Reads trees in VOC layout: one image with its annotation and masks.

The layout is that of PASCAL VOC 2007 to 2012: `ImageSets/Segmentation/LIST.txt`, `JPEGImages/ID.jpg`,
`Annotations/ID.xml` and masks in `SegmentationClass/ID.png` or another folder, object masks in
`SegmentationObject/ID.png`. VOC's 1-based inclusive corners become half-open 0-based ones here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from boxsup.catalogue.readers.segments import pixel_box
from boxsup.catalogue.records import (
    VOID,
    Box,
    Listing,
    Record,
    check_pixels,
    links_outside,
    mask_problems,
    problem,
    read_list,
)
from boxsup.settings import parse

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SETS, IMAGES, ANNOTATIONS, MASKS = "ImageSets", "JPEGImages", "Annotations", "SegmentationClass"
OBJECT_MASKS = "SegmentationObject"
IMAGES_ONLY = "none"  # in place of a folder of masks: images of a test set, which need neither mask nor annotation
LISTS = f"{SETS}/Segmentation"
CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class VocSplit:
    """A split's settings.

    Attributes:
        list: See `list_file`.
        masks: The folder of true masks that comes first, or IMAGES_ONLY.
        links: Whether symbolic links may lead out of the tree.
    """

    list: str
    masks: str
    links: bool = False


@dataclass(frozen=True)
class Tree:
    """A tree in VOC layout.

    Attributes:
        root: Its folder.
        masks: The folder in it whose masks come first.
        classes: The background included.
        inside: The folder that links may not lead out of; None: they may.
    """

    root: Path
    masks: str
    classes: tuple[str, ...]
    inside: Path | None

    def mask(self, image: str) -> Path | None:
        """File of an image's true mask: in the folder asked for, else in `SegmentationClass`, else none."""
        files = (self.root / folder / f"{image}.png" for folder in (self.masks, MASKS))
        return next((file for file in files if file.is_file()), None)

    def objects(self, image: str) -> Path | None:
        """File of an image's object mask, or none."""
        file = self.root / OBJECT_MASKS / f"{image}.png"
        return file if file.is_file() else None


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of a tree in VOC layout; see `boxsup.catalogue.readers`."""
    split = parse(VocSplit, settings, "split")
    inside = None if split.links else root
    images, problems = read_list(list_file(root, split.list), inside)
    tree = Tree(root, split.masks, classes, inside)
    return Listing([partial(check_image, tree, image) for image in images], problems, draws=False)


def list_file(root: Path, name: str) -> Path:
    """A list by its name in `ImageSets/Segmentation`, or with its folder in `ImageSets`, as in `Main/trainval`."""
    return root / (SETS if "/" in name else LISTS) / f"{name}.txt"


def check_image(tree: Tree, image: str) -> Record:
    """Read and check every file of one image.

    The image must decode in full; the mask must be of its size and hold labels 0…C-1 and 255 only, and so must the
    object mask, whose numbers are free; the annotation must be plain XML whose boxes have a known class, are not inside
    out and lie inside the image. An image that has a mask needs no annotation, nor does one of a split of images only:
    it then has no boxes. The annotation's `size` is not looked at: the stored pixels count.

    Args:
        tree: Where to look.
        image: A valid id.

    Returns:
        The image with its masks and boxes, or with its problems.
    """
    path = tree.root / IMAGES / f"{image}.jpg"
    if not path.is_file():
        return Record(image, str(path), problems=[problem(image, path, "no such image; take its id off the list")])
    annotation = tree.root / ANNOTATIONS / f"{image}.xml"
    mask, objects = tree.mask(image), tree.objects(image)
    outside = links_outside(image, tree.inside, path, annotation, mask, objects)
    if outside:
        return Record(image, str(path), problems=outside)
    (height, width), problems = check_pixels(image, path)
    if mask is not None:
        problems += [problem(image, mask, text) for text in mask_problems(mask, height, width, len(tree.classes))]
    if objects is not None:
        problems += [problem(image, objects, text) for text in mask_problems(objects, height, width, VOID)]
    boxes: list[Box] = []
    if annotation.is_file():
        boxes, texts = read_annotation(annotation.read_bytes(), height, width, tree.classes)
        problems += [problem(image, annotation, text) for text in texts]
    elif mask is None and tree.masks != IMAGES_ONLY:
        problems.append(problem(image, annotation, "no such annotation, and the image has no mask either"))
    return Record(image, str(path), height, width, str(mask or ""), str(objects or ""), boxes, problems)


def read_annotation(
    xml: bytes, height: int, width: int, classes: Sequence[str], plane: bool = False
) -> tuple[list[Box], list[str]]:
    """The objects of a VOC annotation.

    Args:
        xml: The file's content.
        height: Of the image in pixels; 0 if it is not known, and boxes are then not held against it.
        width: Likewise.
        classes: Names by label, the background first.
        plane: Whether corners are borders on the plane of `boxsup.catalogue.readers.segments`, from 0, as some tools
            write them, in place of VOC's own, which are pixels from 1.

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
            boxes.append(_box(element, height, width, classes, plane))
        except ValueError as error:
            problems.append(f"object {number}: {error}")
    return boxes, problems


def _box(element: Element, height: int, width: int, classes: Sequence[str], plane: bool) -> Box:
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
    if plane:
        corners = pixel_box((xmin, ymin, xmax, ymax), height, width, f"box {shown}")
        return Box(classes.index(name), *corners, int(difficult))
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
