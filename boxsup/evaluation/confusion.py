"""The VOC protocol: one confusion matrix over the whole data set, and the IoU of each class from it.

Everything that the project measures uses this one definition of IoU: pixels are counted over all images before any
ratio is taken, pixels that are void in the truth are left out, and a class that is in neither truth nor predictions has
no IoU and does not enter a mean. `boxsup.evaluation.measured` says whether there is enough truth for a score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.image import VOID


def confusion_matrix(truth: NDArray[np.uint8], prediction: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """Count the pixels of one image by true and predicted class; matrices of several images add up.

    Pixels that are void in the truth are left out. Void in a prediction is never right: it has a column of its own, so
    that it counts against its true class and against no other.

    Args:
        truth: H×W uint8, 0…C-1 or 255 for void.
        prediction: H×W uint8, 0…C-1 or 255 for void.
        classes: C, background included; at most 255.

    Returns:
        C×(C+1) int64: truth by row; predicted class by column, the last column for void.

    Raises:
        ValueError: The shapes differ, or a label is neither below C nor void.

    Example:
        >>> confusion_matrix(np.array([[0, 1, 255]], np.uint8), np.array([[0, 255, 1]], np.uint8), 2)
        array([[1, 0, 0],
               [0, 0, 1]])
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"expected a prediction of the truth's shape {truth.shape}, got {prediction.shape}")
    _check_range(truth, classes, "truth")
    _check_range(prediction, classes, "prediction")
    known = truth != VOID
    columns = classes + 1
    # Void, 255, is the only value of a checked prediction above C-1: the minimum moves it to column C.
    pairs = truth[known].astype(np.int64) * columns + np.minimum(prediction[known], classes)
    return np.bincount(pairs, minlength=classes * columns).reshape(classes, columns).astype(np.int64)


def iou_per_class(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the intersection over union of each class: right / (true + predicted - right) pixels.

    Args:
        confusion: C×(C+1) from `confusion_matrix`, or the sum of several.

    Returns:
        C float64 in [0, 1]; NaN for a class that is in neither truth nor predictions.

    Example:
        >>> iou_per_class(np.array([[2, 1, 0], [1, 4, 0]]))
        array([0.5       , 0.66666667])
    """
    right = np.diagonal(confusion).astype(np.float64)
    union = confusion.sum(axis=1) + confusion[:, : len(confusion)].sum(axis=0) - right
    return np.where(union > 0, right / np.maximum(union, 1), np.nan)


def mean_iou(confusion: NDArray[np.int64]) -> float:
    """Average `iou_per_class` over the classes that have an IoU, background included; NaN if none has.

    Example:
        >>> mean_iou(np.array([[2, 0, 0], [2, 4, 0]]))
        0.5833333333333333
    """
    iou = iou_per_class(confusion)
    return float(np.nanmean(iou)) if np.isfinite(iou).any() else float("nan")


def _check_range(labels: NDArray[np.uint8], classes: int, name: str) -> None:
    wrong = labels[(labels >= classes) & (labels != VOID)]
    if wrong.size:
        raise ValueError(f"expected labels 0…{classes - 1} or {VOID} in the {name}, got {wrong[0]}")
