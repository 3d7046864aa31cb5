"""Reads trees in VOC layout: one image with its annotation and masks.

The layout is that of PASCAL VOC 2007 to 2012: `ImageSets/Segmentation/LIST.txt`, `JPEGImages/ID.jpg`,
`Annotations/ID.xml` and masks in `SegmentationClass/ID.png` or another folder, object masks in
`SegmentationObject/ID.png`. An annotation itself is read by `boxsup.catalogue.readers.voc_objects`. Other tools write
such trees with images of other kinds, and endings in capitals: these are found where VOC's own name is not there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from boxsup.catalogue.readers.beside import existing
from boxsup.catalogue.readers.image_files import ENDINGS
from boxsup.catalogue.readers.voc_objects import read_annotation
from boxsup.catalogue.records import (
    Box,
    Listing,
    Record,
    check_pixels,
    links_outside,
    mask_problems,
    problem,
    read_list,
)
from boxsup.config.build import parse
from boxsup.config.datasets import CornerConvention, VocSplit
from boxsup.image import VOID

SETS, IMAGES, ANNOTATIONS, MASKS = "ImageSets", "JPEGImages", "Annotations", "SegmentationClass"
OBJECT_MASKS = "SegmentationObject"
IMAGES_ONLY = "none"  # in place of a folder of masks: images of a test set, which need neither mask nor annotation
LISTS = f"{SETS}/Segmentation"
IMAGE_ENDINGS = (".jpg", *(spelled for ending in ENDINGS for spelled in (ending, ending.upper())))


@dataclass(frozen=True)
class VocTree:
    """A tree in VOC layout.

    Attributes:
        root: Its folder.
        masks: The folder in it whose masks come first.
        classes: The background included.
        inside: The folder that links may not lead out of; None: they may.
        corners: How annotations count.
    """

    root: Path
    masks: str
    classes: tuple[str, ...]
    inside: Path | None
    corners: CornerConvention = ""

    def file(self, folder: str, image: str, *endings: str) -> Path:
        """An image's file in a folder by the first of the endings that it is there with, else by the first of all."""
        files = (existing(self.root / folder, f"{image}{ending}") for ending in endings)
        return next((file for file in files if os.path.lexists(file)), self.root / folder / f"{image}{endings[0]}")

    def mask(self, image: str) -> Path | None:
        """File of an image's true mask: in the folder asked for, else in `SegmentationClass`, else none."""
        files = (self.file(folder, image, ".png", ".PNG") for folder in (self.masks, MASKS))
        return next((file for file in files if file.is_file()), None)

    def objects(self, image: str) -> Path | None:
        """File of an image's object mask, or none."""
        file = self.file(OBJECT_MASKS, image, ".png", ".PNG")
        return file if file.is_file() else None


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of a tree in VOC layout; see `boxsup.catalogue.readers`."""
    split = parse(VocSplit, settings, "split")
    inside = None if split.links else root
    images, problems = read_list(list_file(root, split.list), inside)
    tree = VocTree(root, split.masks, classes, inside, split.corners)
    return Listing(images, [partial(check_image, tree, image) for image in images], problems, draws=False)


def list_file(root: Path, name: str) -> Path:
    """A list by its name in `ImageSets/Segmentation`, or with its folder in `ImageSets`, as in `Main/trainval`."""
    return root / (SETS if "/" in name else LISTS) / f"{name}.txt"


def check_image(tree: VocTree, image: str) -> Record:
    """Read and check every file of one image.

    The image must decode in full; the mask must be of its size and hold labels 0…C-1 and 255 only, and so must the
    object mask, whose numbers are free; the annotation must be plain XML whose boxes have a known class, are not inside
    out and lie inside the image. An image that has a mask needs no annotation, nor does one of a split of images only:
    it then has no boxes. An annotation's `size` must be the stored pixels', but in VOC's own, some of which are wrong.

    Args:
        tree: Where to look.
        image: A valid id.

    Returns:
        The image with its masks and boxes, or with its problems.
    """
    path = tree.file(IMAGES, image, *IMAGE_ENDINGS)
    if not path.is_file():
        return Record(image, str(path), problems=[problem(image, path, "no such image; take its id off the list")])
    annotation = tree.file(ANNOTATIONS, image, ".xml", ".XML")
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
        boxes, texts = read_annotation(annotation.read_bytes(), height, width, tree.classes, tree.corners)
        problems += [problem(image, annotation, text) for text in texts]
    elif mask is None and tree.masks != IMAGES_ONLY:
        problems.append(problem(image, annotation, "no such annotation, and the image has no mask either"))
    return Record(image, str(path), height, width, str(mask or ""), str(objects or ""), boxes, problems)
