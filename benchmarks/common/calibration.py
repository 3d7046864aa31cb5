"""What a score is worth that says how good each of many masks is, beside how good they are.

The score is an estimate of the IoU, so it is calibrated if masks with a score of s have a mean IoU of s. The expected
calibration error (Naeini et al., AAAI 2015) is the mean over the masks of |mean score - mean IoU| of their bin; bins
hold as many masks each, since most scores are high (Nguyen and O'Connor, EMNLP 2015).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

BINS = 10
USABLE, RIGHT = 0.5, 0.75  # IoU
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)  # of the masks
DRAWS = 1000


def reliability(boxes: pd.DataFrame, column: str) -> pd.DataFrame:
    """A row a bin of scores: how many masks, their mean score and IoU, and the standard error of the latter."""
    ordered = boxes.sort_values(column, kind="stable")
    rows = []
    for part in np.array_split(np.arange(len(ordered)), min(BINS, len(ordered))):
        own = ordered.iloc[part]
        deviation = own["iou"].std(ddof=1) / np.sqrt(len(own)) if len(own) > 1 else np.nan
        rows.append((len(own), own[column].mean(), own["iou"].mean(), deviation))
    return pd.DataFrame(rows, columns=["boxes", "score", "iou", "error"]).round(4)


def calibration_error(curve: pd.DataFrame) -> float:
    """The expected calibration error of a table of `reliability`."""
    return float(np.average((curve["score"] - curve["iou"]).abs(), weights=curve["boxes"]))


def calibration(boxes: pd.DataFrame, column: str) -> dict[str, float]:
    """How far a score is from the IoU, and how well it ranks.

    Returns:
        `ece`, its 95 % interval `ece_low` … `ece_high` over draws of images with replacement, and `ece_chance`, what
        bins of so few masks leave of it where the score is right; `bias`, mean score less mean IoU; `error`, the mean
        of |score - IoU|; `rank`, Spearman's correlation, and its interval.
    """
    curve = reliability(boxes, column)
    chance = float(np.average(np.sqrt(2 / np.pi) * curve["error"], weights=curve["boxes"]))  # mean of |normal|
    drawn = np.percentile([_ece_and_rank(sample, column) for sample in _drawn(boxes)], [2.5, 97.5], axis=0)
    ece, rank = _ece_and_rank(boxes, column)
    found = {"boxes": len(boxes), "ece": ece, "ece_low": drawn[0, 0], "ece_high": drawn[1, 0], "ece_chance": chance}
    found |= {"bias": (boxes[column] - boxes["iou"]).mean(), "error": (boxes[column] - boxes["iou"]).abs().mean()}
    found |= {"rank": rank, "rank_low": drawn[0, 1], "rank_high": drawn[1, 1]}
    return {name: round(float(value), 4) for name, value in found.items()}


def accepted(boxes: pd.DataFrame, column: str) -> pd.DataFrame:
    """What is right among the masks that are accepted, for each of SHARES, the surest first."""
    ordered = boxes.sort_values(column, ascending=False, kind="stable")
    rows = []
    for share in SHARES:
        own = ordered.iloc[: round(share * len(ordered))]
        right, usable = ((own["iou"] >= least).mean() for least in (RIGHT, USABLE))
        rows.append((share, len(own), own[column].min(), own["iou"].mean(), right, usable))
    return pd.DataFrame(rows, columns=["share", "boxes", "least_score", "iou", "right", "usable"]).round(4)


def _ece_and_rank(boxes: pd.DataFrame, column: str) -> tuple[float, float]:
    return calibration_error(reliability(boxes, column)), float(spearmanr(boxes[column], boxes["iou"]).statistic)


def _drawn(boxes: pd.DataFrame) -> list[pd.DataFrame]:
    """The boxes of as many images, drawn with replacement: those of an image are not independent."""
    random, groups = np.random.default_rng(0), [own for _, own in boxes.groupby("image")]
    numbers = random.integers(0, len(groups), (DRAWS, len(groups)))
    return [pd.concat([groups[number] for number in row], ignore_index=True) for row in numbers]
