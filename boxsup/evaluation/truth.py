"""Label maps of a split compared with its true masks, one image at a time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, ImageRow
from boxsup.errors import DataError
from boxsup.evaluation.confusion import confusion_matrix
from boxsup.image import VOID
from boxsup.machine.bars import tqdm

LabelMap = NDArray[np.uint8]


def images_with_masks(catalogue: Catalogue) -> list[ImageRow]:
    """Return the images of a split that have a true mask.

    Raises:
        DataError: No image has one.
    """
    images = [row for row in catalogue.rows() if row.mask]
    if not images:
        raise DataError("none of the split's images has a true mask: there is nothing to evaluate against")
    return images


def truth_pixels(catalogue: Catalogue) -> NDArray[np.int64]:
    """Count the pixels of each of C classes in the split's true masks, without void."""
    pixels = np.zeros(VOID + 1, np.int64)
    for row in catalogue.rows():
        if row.mask:
            pixels += np.bincount(row.true_mask().ravel(), minlength=VOID + 1)
    return pixels[: len(catalogue.classes)]


def confusions(catalogue: Catalogue, maps: Iterable[tuple[LabelMap, ...]], title: str) -> tuple[NDArray[np.int64], ...]:
    """Sum confusion matrices over the split's images that have a true mask.

    Args:
        catalogue: The split.
        maps: One or more H×W uint8 label maps for each of these images, in order.
        title: Title of the progress bar.

    Returns:
        One C×(C+1) matrix per label map of an image.

    Raises:
        DataError: No image has a true mask, or a label map does not fit an image's mask; names the image.
    """
    sums: tuple[NDArray[np.int64], ...] = ()
    images = tqdm(images_with_masks(catalogue), title, unit="image", disable=None)
    for row, label_maps in zip(images, maps, strict=True):
        truth = row.true_mask()
        matrices = tuple(image_confusion(row.image, truth, labels, len(catalogue.classes)) for labels in label_maps)
        sums = tuple(a + b for a, b in zip(sums, matrices, strict=True)) if sums else matrices
    return sums


def image_confusion(image: str, truth: LabelMap, labels: LabelMap, classes: int) -> NDArray[np.int64]:
    """Compute `confusion_matrix` of one image; an error names the image.

    Raises:
        DataError: The label map does not fit the mask.

    Example:
        >>> image_confusion("a", np.array([[0, 1, 255]], np.uint8), np.array([[0, 0, 1]], np.uint8), 2)
        array([[1, 0, 0],
               [1, 0, 0]])
    """
    try:
        return confusion_matrix(truth, labels, classes)
    except ValueError as error:
        raise DataError(f"{image}: {error}; were both made from this catalogue?") from error
