"""A split's label maps held against its true masks, one image at a time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.tables import Catalogue, ImageRow
from boxsup.errors import DataError
from boxsup.evaluation.confusion import confusion_matrix
from boxsup.image import VOID
from boxsup.image.files import read_mask

LabelMap = NDArray[np.uint8]


def images_with_masks(catalogue: Catalogue) -> list[ImageRow]:
    """The images of a split that have a true mask.

    Raises:
        DataError: None has.
    """
    images = [row for row in catalogue.rows() if row.mask]
    if not images:
        raise DataError("none of the split's images has a true mask: there is nothing to evaluate against")
    return images


def truth_pixels(catalogue: Catalogue) -> NDArray[np.int64]:
    """C, how many pixels of each class the split's true masks show, void left out."""
    pixels = np.zeros(VOID + 1, np.int64)
    for row in catalogue.rows():
        if row.mask:
            pixels += np.bincount(read_mask(row.mask).ravel(), minlength=VOID + 1)
    return pixels[: len(catalogue.classes)]


def confusions(catalogue: Catalogue, maps: Iterable[tuple[LabelMap, ...]], what: str) -> tuple[NDArray[np.int64], ...]:
    """Sum confusion matrices over the split's images that have a true mask.

    Args:
        catalogue: The split.
        maps: Of each of those images, in order, one or more H×W uint8 label maps.
        what: The progress bar's title.

    Returns:
        As many C×(C+1) matrices as there are maps of an image.

    Raises:
        DataError: No image has a true mask, or labels do not fit an image's mask; names the image.
    """
    sums: tuple[NDArray[np.int64], ...] = ()
    images = tqdm(images_with_masks(catalogue), what, unit="image", disable=None)
    for row, found in zip(images, maps, strict=True):
        truth = read_mask(row.mask)
        matrices = tuple(image_confusion(row.image, truth, labels, len(catalogue.classes)) for labels in found)
        sums = tuple(a + b for a, b in zip(sums, matrices, strict=True)) if sums else matrices
    return sums


def image_confusion(image: str, truth: LabelMap, labels: LabelMap, classes: int) -> NDArray[np.int64]:
    """`confusion_matrix` of one image, whose id stands in the error.

    Raises:
        DataError: The labels do not fit the mask.
    """
    try:
        return confusion_matrix(truth, labels, classes)
    except ValueError as error:
        raise DataError(f"{image}: {error}; were both made from this catalogue?") from error
