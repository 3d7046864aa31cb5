"""What an estimate of the IoU of masks is worth, where the true IoU is known: is it calibrated, and does it rank?

An estimate is calibrated if masks that are expected to have an IoU of s have a mean IoU of s. The expected calibration
error (Naeini et al., AAAI 2015) is the mean over the masks of |mean estimate - mean IoU| of the bin that a mask is in.
Bins hold as many masks each, since most estimates are high (Nguyen and O'Connor, EMNLP 2015). In bins of few masks some
of this error is chance: `Calibration.chance` says how much would be left if the estimate were right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BINS = 10
MIN_MASKS = 30  # to name a calibration error or a rank correlation

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """How an estimate goes with the IoU; NaN where there are fewer than MIN_MASKS masks.

    Attributes:
        masks: Number of masks.
        error: Expected calibration error, in [0, 1].
        chance: What the error would be on average if the estimate were right, by the scatter of IoU in the bins.
        bias: Mean estimate less mean IoU.
        distance: Mean of |estimate - IoU|.
        rank: Spearman's rank correlation of both, in [-1, 1].
    """

    masks: int
    error: float
    chance: float
    bias: float
    distance: float
    rank: float


def calibration(estimates: Values, ious: Values) -> Calibration:
    """Compare estimates with IoU, one of each for every mask.

    >>> calibration(np.linspace(0.6, 1.0, 40), np.linspace(0.5, 0.9, 40)).bias.round(2)
    np.float64(0.1)
    """
    if len(ious) < MIN_MASKS:
        return Calibration(len(ious), *[float("nan")] * 5)
    curve = reliability(estimates, ious)
    error = np.average((curve["estimate"] - curve["iou"]).abs(), weights=curve["masks"])
    # The mean of |x| of a normal x around 0 is its deviation times the root of 2/π.
    chance = np.average(np.sqrt(2 / np.pi) * curve["error"], weights=curve["masks"])
    rank = pd.Series(estimates).rank().corr(pd.Series(ious).rank())
    distances = estimates - ious
    return Calibration(len(ious), error, chance, distances.mean(), np.abs(distances).mean(), rank)


def reliability(estimates: Values, ious: Values, bins: int = BINS) -> pd.DataFrame:
    """Make the table of a reliability diagram.

    Returns:
        One row per bin, by rising estimate: `masks`, their number; `estimate` and `iou`, means over them; `error`, the
        standard error of the mean IoU, NaN for a single mask.

    Example:
        >>> reliability(np.array([0.2, 0.9, 0.4, 0.7]), np.array([0.1, 0.9, 0.3, 0.7]), 2)[["estimate", "iou"]].round(2)
           estimate  iou
        0       0.3  0.2
        1       0.8  0.8
    """
    order = np.argsort(estimates, kind="stable")
    rows = []
    for part in np.array_split(order, min(bins, len(order))) if len(order) else []:
        own = ious[part]
        error = own.std(ddof=1) / np.sqrt(len(own)) if len(own) > 1 else np.nan
        rows.append((len(own), estimates[part].mean(), own.mean(), error))
    return pd.DataFrame(rows, columns=["masks", "estimate", "iou", "error"])
