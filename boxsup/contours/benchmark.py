"""The boundary benchmark of BSDS500: precision and recall of thin lines against several annotators.

After Arbelaez et al. (PAMI 2011, section 2) and the evaluation that Dollar & Zitnick (PAMI 2015) released; see
`boxsup.contours.matching` for the one difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxsup.contours.matching import match_boundaries
from boxsup.contours.thinning import skeleton, suppress_non_maxima

MAX_DISTANCE = 0.0075  # share of the image's diagonal
STEPS = 100  # points between two thresholds at which the best F is sought


class BoundaryScores(NamedTuple):
    """The scores that are usually quoted.

    Attributes:
        ods: Best F at one threshold for all images (optimal data set scale).
        threshold: The threshold of `ods`.
        ois: F with each image's own best threshold (optimal image scale).
        ap: Area under precision over recall.
    """

    ods: float
    threshold: float
    ois: float
    ap: float


def thresholds(count: int = 99) -> NDArray[np.float64]:
    """Return `count` thresholds, evenly spaced in (0, 1).

    Example:
        >>> thresholds(3)
        array([0.25, 0.5 , 0.75])
    """
    return np.arange(1, count + 1) / (count + 1)


def count_matches(
    strength: NDArray[np.float32], boundaries: NDArray[np.bool_], levels: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Count the matched pixels of one image at each threshold.

    Args:
        strength: H×W in [0, 1], as a detector gives it.
        boundaries: A×H×W, one map per annotator.
        levels: T thresholds.

    Returns:
        T×4: annotators' pixels with a partner, summed over the annotators; all their pixels; detected pixels with a
        partner in at least one annotator; all detected pixels.
    """
    return count_thin_matches(suppress_non_maxima(strength), boundaries, levels)


def count_thin_matches(
    thin: NDArray[np.float32], boundaries: NDArray[np.bool_], levels: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Do `count_matches` for a map that `suppress_non_maxima` has thinned already."""
    distance = MAX_DISTANCE * float(np.hypot(*thin.shape))
    counts = np.zeros((len(levels), 4), np.int64)
    for row, level in zip(counts, levels, strict=True):
        detected = skeleton(thin >= max(level, np.finfo(np.float64).eps))
        hit = np.zeros_like(detected)
        for true in boundaries:
            matched_detected, matched_true = match_boundaries(detected, true, distance)
            hit |= matched_detected
            row[0] += matched_true.sum()
        row[1:] = boundaries.sum(), hit.sum(), detected.sum()
    return counts


def precision_recall(counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute precision and recall from …×4 counts; 0 if there is nothing to divide by."""
    recall = counts[..., 0] / np.maximum(counts[..., 1], 1)
    precision = counts[..., 2] / np.maximum(counts[..., 3], 1)
    return precision, recall


def f_measure(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the harmonic mean of precision and recall; 0 if both are 0.

    Example:
        >>> f_measure(np.array([0.5, 0.0]), np.array([1.0, 0.0]))
        array([0.66666667, 0.        ])
    """
    return 2 * precision * recall / np.maximum(precision + recall, np.finfo(np.float64).tiny)


def benchmark_scores(counts: Sequence[NDArray[np.int64]], levels: NDArray[np.float64]) -> BoundaryScores:
    """Compute the scores of a data set.

    Args:
        counts: T×4 counts per image, from `count_matches`.
        levels: The T thresholds.

    Raises:
        ValueError: There is no image.
    """
    if not counts:
        raise ValueError("expected at least one image")
    total = np.sum(counts, axis=0)
    precision, recall = precision_recall(total)
    ods, threshold = _best(precision, recall, levels)
    best_counts = sum(image[np.argmax(f_measure(*precision_recall(image)))] for image in counts)
    ois = f_measure(*precision_recall(np.asarray(best_counts)))
    return BoundaryScores(ods, threshold, float(ois), _average_precision(precision, recall))


def _best(
    precision: NDArray[np.float64], recall: NDArray[np.float64], levels: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the best F on the straight lines between neighbouring points, and its threshold."""
    part = np.linspace(0, 1, STEPS)
    at = np.arange(len(levels) - 1)[:, None] + part  # fractional index
    at = at.ravel() if len(levels) > 1 else np.zeros(1)
    points = [np.interp(at, np.arange(len(levels)), values) for values in (precision, recall, levels)]
    f = f_measure(points[0], points[1])
    best = int(np.argmax(f))
    return float(f[best]), float(points[2][best])


def _average_precision(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> float:
    """Average the precision at recalls 0, 0.01, …, 1; outside the recalls that occur it is 0."""
    unique, last = np.unique(recall[::-1], return_index=True)
    if len(unique) < 2:
        return 0.0
    values = np.interp(np.arange(101) / 100, unique, precision[::-1][last], left=0, right=0)
    return float(values.sum() / 100)
