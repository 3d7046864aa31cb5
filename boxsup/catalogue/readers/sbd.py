"""Reads SBD, the Semantic Boundaries Dataset (Hariharan et al., ICCV 2011): masks of 11,355 images of VOC 2011.

The layout is that of the archive's `benchmark_RELEASE/dataset`: `train.txt` and `val.txt`, `img/ID.jpg`, and MATLAB
files with the structs `GTcls` in `cls/ID.mat` and `GTinst` in `inst/ID.mat`. SBD has no boxes: we take the tight boxes
of its objects. It has neither void pixels nor difficult objects.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.records import (
    Box,
    Listing,
    Record,
    check_pixels,
    image_problem,
    link_problems,
    read_list,
    size_problems,
)
from boxsup.config.build import parse
from boxsup.config.datasets import SbdSplit
from boxsup.errors import DataError
from boxsup.image import VOID
from boxsup.image.boxes import tight_box
from boxsup.image.files import encode_mask
from boxsup.store.foreign import parse_mat, read_content


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """List a split of SBD; see `boxsup.catalogue.readers`."""
    split = parse(SbdSplit, settings, "split")
    inside = None if split.links else root
    images, problems = read_list(root / f"{split.list}.txt", inside)
    checks = [partial(check_image, root, inside, len(classes), image) for image in images]
    return Listing(images, checks, problems, draws_masks=True)


def check_image(root: Path, inside: Path | None, classes: int, image: str) -> Record:
    """Read and check an image, its class mask and its objects. The tight boxes of the objects become its boxes.

    Args:
        root: The folder `dataset`.
        inside: The folder that symbolic links may not lead out of; None allows any.
        classes: C including the background. SBD's class numbers are VOC's 20 classes in alphabetical order.
        image: A valid image id.
    """
    path = root / "img" / f"{image}.jpg"
    mask_file, object_file = root / "cls" / f"{image}.mat", root / "inst" / f"{image}.mat"
    outside = link_problems(image, inside, path, mask_file, object_file)
    if outside:
        return Record(image, str(path), problems=outside)
    (height, width), problems = check_pixels(image, path)
    drawn, boxes = {}, []
    try:
        mask = class_mask(_content(mask_file), mask_file, classes)
        problems += [image_problem(image, mask_file, text) for text in size_problems(mask, height, width)]
        drawn["mask"] = encode_mask(mask)
    except DataError as error:
        problems.append(image_problem(image, mask_file, str(error)))
    try:
        if not object_file.is_file() and mask_file.is_file():
            raise DataError(
                f"{object_file}: no such file: boxes come from SBD's objects, which are there; put the folder "
                "inst of benchmark.tgz beside cls"
            )
        objects, class_ids = object_mask(_content(object_file), object_file, classes)
        problems += [image_problem(image, object_file, text) for text in size_problems(objects, height, width)]
        drawn["objects"], boxes = encode_mask(objects), tight_boxes(objects, class_ids)
    except DataError as error:
        problems.append(image_problem(image, object_file, str(error)))
    return Record(image, str(path), height, width, boxes=boxes, problems=problems, drawn=drawn)


def class_mask(content: bytes, path: Path, classes: int) -> NDArray[np.uint8]:
    """The H×W uint8 label map of a `cls/ID.mat` file: 0 background, 1…C-1 classes, no void.

    Raises:
        DataError: The file is damaged, has no `GTcls`, or has other values.
    """
    return _whole_numbers(_struct(content, path, "GTcls", ("Segmentation",))[0], path, classes - 1)


def object_mask(content: bytes, path: Path, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The H×W uint8 object mask of an `inst/ID.mat` file (0 background, 1…N objects), and N uint8 class ids.

    Raises:
        DataError: The file is damaged, has no `GTinst`, or its numbers do not fit together.
    """
    segmentation, categories = _struct(content, path, "GTinst", ("Segmentation", "Categories"))
    class_ids = _whole_numbers(np.asarray(categories).ravel(), path, classes - 1)
    if not class_ids.all() or len(class_ids) >= VOID:
        raise DataError(f"{path}: expected Categories of at most {VOID - 1} objects, none of them 0")
    return _whole_numbers(segmentation, path, len(class_ids)), class_ids


def tight_boxes(objects: NDArray[np.uint8], class_ids: NDArray[np.uint8]) -> list[Box]:
    """The box of each object that has a pixel, in order. Takes the two results of `object_mask`.

    >>> tight_boxes(np.array([[0, 2, 2]], np.uint8), np.array([5, 7], np.uint8))
    [Box(class_id=7, x0=1, y0=0, x1=3, y1=1, difficult=0, crowd=0)]
    """
    corners = ((int(class_id), tight_box(objects == number)) for number, class_id in enumerate(class_ids, start=1))
    return [Box(class_id, *box) for class_id, box in corners if box]


def _content(path: Path) -> bytes:
    return read_content(path, "it comes with SBD's archive benchmark.tgz")


def _struct(content: bytes, path: Path, name: str, fields: tuple[str, ...]) -> list[Any]:
    """The fields of a 1×1 struct."""
    struct = parse_mat(content, path).get(name)
    if struct is None or not struct.dtype.names or struct.size != 1 or not set(fields) <= set(struct.dtype.names):
        raise DataError(f"{path}: expected a struct {name} with {' and '.join(fields)}, as of SBD")
    return [struct[field].item() for field in fields]


def _whole_numbers(values: Any, path: Path, maximum: int) -> NDArray[np.uint8]:  # noqa: ANN401 - any content of a file
    """Whole numbers 0…`maximum` as uint8, in at most two dimensions."""
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "buif" or numbers.ndim > 2 or not np.isin(numbers, np.arange(maximum + 1)).all():
        raise DataError(f"{path}: expected whole numbers from 0 to {maximum}, got others")
    return numbers.astype(np.uint8)
