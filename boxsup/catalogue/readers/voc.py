"""Reads trees in the layout of PASCAL VOC 2007 to 2012.

The layout is `ImageSets/Segmentation/LIST.txt`, `JPEGImages/ID.jpg`, `Annotations/ID.xml`, masks in
`SegmentationClass/ID.png` or another folder, and object masks in `SegmentationObject/ID.png`.
`boxsup.catalogue.readers.voc_objects` parses the annotations. Other tools write such trees with other kinds of images,
or endings in capitals; these files are used if VOC's own name is missing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from boxsup.catalogue.readers.beside import find_file
from boxsup.catalogue.readers.image_files import ENDINGS
from boxsup.catalogue.readers.segments import AnnotatedObject
from boxsup.catalogue.readers.voc_objects import read_objects
from boxsup.catalogue.records import (
    Listing,
    Record,
    check_pixels,
    image_problem,
    link_problems,
    mask_problems,
    read_list,
)
from boxsup.config.build import parse
from boxsup.config.datasets import CornerConvention, VocSplit
from boxsup.image import VOID

SETS, IMAGES, ANNOTATIONS, MASKS = "ImageSets", "JPEGImages", "Annotations", "SegmentationClass"
OBJECT_MASKS = "SegmentationObject"
IMAGES_ONLY = "none"  # instead of a folder of masks: a test set, whose images need neither mask nor annotation
LISTS = f"{SETS}/Segmentation"
IMAGE_ENDINGS = (".jpg", *(spelled for ending in ENDINGS for spelled in (ending, ending.upper())))


@dataclass(frozen=True)
class VocTree:
    """A tree in VOC layout.

    Attributes:
        root: The root folder.
        masks: The folder of true masks to look in first.
        classes: Class names, the background first.
        inside: The folder that symbolic links may not lead out of; None allows any.
        corners: How annotations count pixels.
    """

    root: Path
    masks: str
    classes: tuple[str, ...]
    inside: Path | None
    corners: CornerConvention = ""

    def file(self, folder: str, image: str, *endings: str) -> Path:
        """An image's file in a folder with the first ending that exists, else with the first ending."""
        files = (find_file(self.root / folder, f"{image}{ending}") for ending in endings)
        return next((file for file in files if os.path.lexists(file)), self.root / folder / f"{image}{endings[0]}")

    def mask(self, image: str) -> Path | None:
        """The file of an image's true mask: in `masks`, else in `SegmentationClass`, else None."""
        files = (self.file(folder, image, ".png", ".PNG") for folder in (self.masks, MASKS))
        return next((file for file in files if file.is_file()), None)

    def objects(self, image: str) -> Path | None:
        """The file of an image's object mask, or None."""
        file = self.file(OBJECT_MASKS, image, ".png", ".PNG")
        return file if file.is_file() else None


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """List a split of a tree in VOC layout; see `boxsup.catalogue.readers`."""
    split = parse(VocSplit, settings, "split")
    inside = None if split.links else root
    images, problems = read_list(list_file(root, split.list), inside)
    tree = VocTree(root, split.masks, classes, inside, split.corners)
    return Listing(images, [partial(check_image, tree, image) for image in images], problems, draws_masks=False)


def list_file(root: Path, name: str) -> Path:
    """The file of an image list, named below `ImageSets/Segmentation`, or with a folder below `ImageSets`.

    >>> list_file(Path("voc"), "train").as_posix(), list_file(Path("voc"), "Main/train").as_posix()
    ('voc/ImageSets/Segmentation/train.txt', 'voc/ImageSets/Main/train.txt')
    """
    return root / (SETS if "/" in name else LISTS) / f"{name}.txt"


def check_image(tree: VocTree, image: str) -> Record:
    """Read and check every file of one image.

    The image must decode completely. Its mask must have the image's size and hold only 0…C-1 and 255; its object mask
    must have the image's size. The annotation must be plain XML whose boxes have a known class, are not inside out and
    lie inside the image; its `size` must match the stored pixels, except in VOC's own files, some of which are wrong.
    An image needs no annotation, and then has no boxes, if it has a mask or if the split is IMAGES_ONLY.

    Args:
        tree: The tree to look in.
        image: A valid image id.

    Returns:
        The image with its masks and boxes, or with its problems.
    """
    path = tree.file(IMAGES, image, *IMAGE_ENDINGS)
    if not path.is_file():
        return Record(
            image, str(path), problems=[image_problem(image, path, "no such image; take its id off the list")]
        )
    annotation = tree.file(ANNOTATIONS, image, ".xml", ".XML")
    mask, objects = tree.mask(image), tree.objects(image)
    outside = link_problems(image, tree.inside, path, annotation, mask, objects)
    if outside:
        return Record(image, str(path), problems=outside)
    (height, width), problems = check_pixels(image, path)
    if mask is not None:
        problems += [image_problem(image, mask, text) for text in mask_problems(mask, height, width, len(tree.classes))]
    if objects is not None:
        problems += [image_problem(image, objects, text) for text in mask_problems(objects, height, width, VOID)]
    found: list[AnnotatedObject] = []
    if annotation.is_file():
        found, texts = read_objects(annotation.read_bytes(), height, width, tree.classes, tree.corners)
        problems += [image_problem(image, annotation, text) for text in texts]
    elif mask is None and tree.masks != IMAGES_ONLY:
        problems.append(image_problem(image, annotation, "no such annotation, and the image has no mask either"))
    boxes = [item.box for item in found if item.is_object]
    notes = [image_problem(image, annotation, item.note) for item in found if item.note]
    return Record(image, str(path), height, width, str(mask or ""), str(objects or ""), boxes, problems, notes=notes)
