"""Reads PASCAL-Context (Mottaghi et al., CVPR 2014): whole-scene masks of VOC 2010's images, as PNG or MATLAB files.

The tree is VOC 2010's; its lists `Main/train` and `Main/val` are the 4,998 and 5,105 images of the paper's section 5.2.
The data set has 459 classes in `trainval/ID.mat` (`LabelMap`), named in `labels.txt` beside that folder ("2:
aeroplane"), and the 59 most frequent ones as PNGs. The values of a PNG are the classes in their order. Of the 459, our
classes are found by name, and all others become background. No boxes are read: VOC has boxes for only 20 of the 59
classes, and the objects of the others would pass for background.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.readers.voc import IMAGES, list_file
from boxsup.catalogue.records import (
    Listing,
    Record,
    check_inside,
    check_pixels,
    image_problem,
    link_problems,
    mask_problems,
    read_list,
    size_problems,
)
from boxsup.config.build import parse
from boxsup.config.datasets import VocSplit
from boxsup.errors import DataError
from boxsup.image.files import encode_mask
from boxsup.store.foreign import parse_mat, read_content

NAMES, VARIABLE = "labels.txt", "LabelMap"
WHERE = (
    "unpack PASCAL-Context's trainval.tar.gz with its labels.txt, or 59_context_labels.tar.gz "
    "(cs.stanford.edu/~roozbeh/pascal-context), there"
)
FULL_NAMES = {"diningtable": "table", "bedcloth": "bedclothes", "clothes": "cloth"}  # 59_labels.txt -> labels.txt


@dataclass(frozen=True)
class ContextTree:
    """A tree of PASCAL-Context.

    Attributes:
        root: The root folder.
        masks: The folder of masks.
        classes: C including the background.
        table: The class id of each of the 459 numbers, see `class_id_table`; None if all masks are PNGs.
        inside: The folder that symbolic links may not lead out of; None allows any.
    """

    root: Path
    masks: Path
    classes: int
    table: NDArray[np.uint8] | None
    inside: Path | None


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """List a split of PASCAL-Context; see `boxsup.catalogue.readers`."""
    split = parse(VocSplit, settings, "split")  # the folder of masks may also hold ID.mat
    inside = None if split.links else root
    images, problems = read_list(list_file(root, split.list), inside)
    folder = root / split.masks
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of masks; {WHERE}")
    full = any((folder / f"{image}.mat").is_file() for image in images)
    names = folder.parent / NAMES
    check_inside(names, inside)
    scenes = ContextTree(root, folder, len(classes), class_id_table(names, classes) if full else None, inside)
    return Listing(images, [partial(check_image, scenes, image) for image in images], problems, draws_masks=full)


def class_id_table(path: Path, classes: Sequence[str]) -> NDArray[np.uint8]:
    """The uint8 class id of each number of the full set of classes; 0 for classes that are not ours.

    Args:
        path: `labels.txt`, with one line `NUMBER: NAME` per class.
        classes: Class names, the background first, spelled as in `labels.txt` or `59_labels.txt`.

    Raises:
        DataError: The file is missing or not such a list, or a class is not in it.
    """
    try:
        lines = read_content(path, WHERE).decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file of label names; {WHERE}") from error
    matches = [re.fullmatch(r"\s*(\d{1,4})\s*:\s*(.*?)\s*", line) for line in lines if line.strip()]
    numbers = {match[2]: int(match[1]) for match in matches if match}
    if len(numbers) < len(matches) or not numbers:
        raise DataError(f"{path}: expected one line `NUMBER: NAME` for each label, no name twice")
    table = np.zeros(max(numbers.values()) + 1, np.uint8)
    for class_id, name in enumerate(classes[1:], start=1):
        number = numbers.get(name, numbers.get(FULL_NAMES.get(name, "")))
        if number is None:
            raise DataError(f"{path}: the class '{name}' is none of its {len(numbers)} labels")
        table[number] = class_id
    return table


def check_image(scenes: ContextTree, image: str) -> Record:
    """Read and check an image and its mask. Every image must have a mask."""
    path = scenes.root / IMAGES / f"{image}.jpg"
    ready, full = (scenes.masks / f"{image}.{ending}" for ending in ("png", "mat"))
    outside = link_problems(image, scenes.inside, path, ready, full)
    if outside:
        return Record(image, str(path), problems=outside)
    (height, width), problems = check_pixels(image, path)
    if ready.is_file():
        texts = mask_problems(ready, height, width, scenes.classes)
        return Record(
            image,
            str(path),
            height,
            width,
            str(ready),
            problems=problems + [image_problem(image, ready, t) for t in texts],
        )
    drawn = {}
    try:
        labels = read_label_map(full, scenes.table)
        problems += [image_problem(image, full, text) for text in size_problems(labels, height, width)]
        drawn["mask"] = encode_mask(labels)
    except DataError as error:
        problems.append(image_problem(image, full, str(error)))
    return Record(image, str(path), height, width, problems=problems, drawn=drawn)


def read_label_map(path: Path, table: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """The H×W uint8 label map of a MATLAB file, translated by `class_id_table`.

    Raises:
        DataError: The file is missing or damaged, or holds numbers that have no name.
    """
    content = read_content(path, "there is no PNG of that name either; take the image's id off the list")
    values = parse_mat(content, path).get(VARIABLE)
    maximum = 0 if table is None else len(table) - 1
    if values is None or values.ndim != 2 or values.dtype.kind not in "buif":
        raise DataError(f"{path}: expected a matrix {VARIABLE} of numbers, as of PASCAL-Context")
    if table is None or not np.isin(values, np.arange(maximum + 1)).all():
        raise DataError(
            f"{path}: {VARIABLE}: expected whole numbers from 0 to {maximum}, the labels of {NAMES}, got others"
        )
    labels: NDArray[np.uint8] = table[values.astype(np.int64)]
    return labels
