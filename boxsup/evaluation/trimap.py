"""Mean IoU near the true boundaries of objects and away from them (Figure 4 of the paper).

The protocol is DeepLab's (Chen et al., ICLR 2015, section 5.1; its released scripts): the ring of void around VOC's
objects, dilated by a (2w+1)×(2w+1) square, is a band of width w, without the void itself; the mean IoU of a region is
that of its pixels over the whole data set. If true masks have no such ring, borders between classes take its place: a
pixel is in the band of width w if the square around it holds void or another class.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.errors import DataError
from boxsup.evaluation.confusion import confusion_matrix, iou_per_class
from boxsup.evaluation.measured import MIN_CLASSES, measured_classes
from boxsup.image import VOID

WIDTHS = range(1, 41)  # px
COLUMNS = ("width", "band", "band_crf", "interior", "interior_crf", "band_pixels")


def boundary_distance(truth: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the chessboard distance of each pixel to the nearest pixel that is void or of another class.

    Args:
        truth: H×W uint8, 0…C-1 or 255 for void.

    Returns:
        H×W, in pixels, from 1. All greater distances are given as 41, one more than the last of WIDTHS. Void pixels
        have no meaningful value.

    Example:
        >>> boundary_distance(np.array([[0, 0, 0, 1, 1]], np.uint8))
        array([[3, 2, 1, 1, 2]])
    """
    square = np.ones((3, 3), np.uint8)
    at_boundary = cv2.dilate(truth, square) != cv2.erode(truth, square)
    if not at_boundary.any():
        return np.full(truth.shape, WIDTHS[-1] + 1, np.int64)
    # The nearest boundary pixel of the same class is one step nearer than the other class beyond it.
    steps = cv2.distanceTransform((~at_boundary).astype(np.uint8), cv2.DIST_C, 3)
    distance: NDArray[np.int64] = np.minimum(1 + steps.astype(np.int64), WIDTHS[-1] + 1)
    return distance


def distance_confusion(
    truth: NDArray[np.uint8], prediction: NDArray[np.uint8], distance: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Compute confusion matrices by distance from the boundary, so that one pass over an image serves all widths.

    Args:
        truth: H×W uint8, 0…C-1 or 255 for void.
        prediction: H×W uint8, 0…C-1 or 255 for void.
        distance: H×W, from `boundary_distance`.
        classes: C, background included.

    Returns:
        D×C×(C+1) int64, D = 41: `confusion_matrix` of the pixels at distance 1, 2, …, 40, and further.

    Raises:
        ValueError: The shapes differ, or a label is neither below C nor void.

    Example:
        >>> truth = np.array([[0, 0, 1, 1]], np.uint8)
        >>> distance_confusion(truth, truth, boundary_distance(truth), 2)[:2, :, :2].tolist()
        [[[1, 0], [0, 1]], [[1, 0], [0, 1]]]
    """
    overall = confusion_matrix(truth, prediction, classes)  # checks the values, too
    known = truth != VOID
    rows = (distance[known] - 1) * classes + truth[known]
    pairs = rows * (classes + 1) + np.minimum(prediction[known], classes)
    counts = np.bincount(pairs, minlength=(len(WIDTHS) + 1) * overall.size)
    return counts.reshape(-1, *overall.shape).astype(np.int64)


def image_distances(
    image: str, truth: NDArray[np.uint8], maps: Sequence[NDArray[np.uint8]], classes: int
) -> list[NDArray[np.int64]]:
    """Compute `distance_confusion` of each label map of an image; see `boxsup.evaluation.predicted.sum_predicted`.

    Raises:
        DataError: A label map does not fit the mask; names the image.
    """
    distance = boundary_distance(truth)
    try:
        return [distance_confusion(truth, labels, distance, classes) for labels in maps]
    except ValueError as error:
        raise DataError(f"{image}: {error}; were both made from this catalogue?") from error


def no_distances(classes: int) -> NDArray[np.int64]:
    """The counts of `distance_confusion` of no image."""
    return np.zeros((len(WIDTHS) + 1, classes, classes + 1), np.int64)


def trimap_table(without: NDArray[np.int64], with_crf: NDArray[np.int64]) -> pd.DataFrame:
    """Compute the mean IoU in the band and outside it for each width, without and with the CRF.

    Args:
        without: D×C×(C+1), the sum of `distance_confusion` over all images, for label maps without the CRF.
        with_crf: The sum for label maps with the CRF, D×C×(C+1).

    Returns:
        One row per width: `width` in pixels; `band`, `band_crf`, `interior`, `interior_crf` in [0, 1]; `band_pixels`,
        the band's share of all pixels that are not void. All means are over the classes that are measured over whole
        images; a mean is NaN if one of these has fewer than MIN_PIXELS in the region. No rows if nothing is measured.
    """
    kept = measured_classes(without.sum(axis=(0, 2)))
    if kept.sum() < MIN_CLASSES:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = []
    for width in WIDTHS:
        row: dict[str, float] = {"width": width}
        for suffix, counts in (("", without), ("_crf", with_crf)):
            row[f"band{suffix}"] = _mean_over(kept, counts[:width].sum(axis=0))
            row[f"interior{suffix}"] = _mean_over(kept, counts[width:].sum(axis=0))
        row["band_pixels"] = without[:width].sum() / max(1, without.sum())
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _mean_over(kept: NDArray[np.bool_], confusion: NDArray[np.int64]) -> float:
    """Average the IoU of a region over these classes; NaN if the region has too few pixels of one of them."""
    if not measured_classes(confusion.sum(axis=1))[kept].all():
        return float("nan")
    return float(iou_per_class(confusion)[kept].mean())
