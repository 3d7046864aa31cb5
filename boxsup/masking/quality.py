"""How good a box's mask probably is, without a true one, and which boxes a person should look at.

The score is a logistic function of what the update weighs (`boxsup.labels.costs`): the expected IoU of the segment, its
agreement with the network, and how it fits the box. The weights were fitted to true masks, and what they are worth
measured, by `benchmarks/mask_quality.py`; docs/use.md has the curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxsup.image.boxes import box_iou, tight_box

INTERCEPT, WEIGHTS = -3.71, (2.86, 3.83, -0.57)  # of expected_iou, network_agreement and overlap_cost
RECTANGLE_QUALITY = 0.5  # objects of VOC fill 0.54 of their boxes
MIN_SEEN = 0.05  # of the greatest probability of its label in a box,
MIN_SHARE = 0.1  # or so much of the median over all boxes: a network that has learned little is sure of nothing
MIN_TIGHTNESS = 0.6
MAX_OVERLAP_COST = 0.6
RIVAL = 0.5  # mean probability of another class on the segment, if it is also RIVALRY times that of the label
RIVALRY = 2.0

# Flag -> what it means, in the order in which they stand.
FLAGS = {
    "nothing": "no segment was found, or the network sees nothing of the label in the box",
    "loose": "the segment ends short of the box's sides, or no segment fits the box well",
    "disagreement": "the network sees another class on the segment",
}


class Measures(NamedTuple):
    """What is known of a box's mask; see `measure_mask`. NaN where no candidate was weighed.

    Attributes:
        expected_iou: Of the segment with the object, see `boxsup.labels.choice.ranking`.
        network_agreement: 1 - E_r, the mean agreement of segment and network over the box, in [0, 1].
        overlap_cost: E_o, from 0 on: how the segment misses the box and leaks out of it.
        tightness: IoU of the box with the tight box of the segment's part in it.
        seen: The greatest probability that the network gives the label in the box.
        label_share: The mean probability of the label on the segment.
        rival_share: That of the likeliest other class, the background aside.
        rival: That class.
    """

    expected_iou: float
    network_agreement: float
    overlap_cost: float
    tightness: float
    seen: float
    label_share: float
    rival_share: float
    rival: int


def measure_mask(
    pixels: NDArray[np.bool_],
    box: NDArray[np.integer],
    label: int,
    log_probabilities: NDArray[np.float32],
    costs: tuple[float, float, float] = (math.nan, math.nan, math.nan),
) -> Measures:
    """Measure a box's mask.

    Args:
        pixels: H×W, its part in the box; at least one pixel.
        box: Half-open pixel corners x0, y0, x1, y1.
        label: 1…C-1.
        log_probabilities: C×H×W natural logarithms.
        costs: Expected IoU, E_r by agreement, and E_o by coverage of the chosen candidate; NaN for a rectangle.
    """
    x0, y0, x1, y1 = box
    inside = pixels[y0:y1, x0:x1]
    tight = tight_box(inside)
    if tight is None:
        raise ValueError("a mask without a pixel in its box has no quality")
    window = log_probabilities[:, y0:y1, x0:x1]
    shares = np.exp(window[:, inside]).mean(axis=1)
    others = shares.copy()
    others[[0, label]] = -1.0
    rival = int(others.argmax())
    expected, regression, overlap = costs
    return Measures(
        expected,
        1.0 - regression,
        overlap,
        float(box_iou(np.array([[0, 0, x1 - x0, y1 - y0]]), np.array([tight]))[0, 0]),
        float(np.exp(window[label].max())),
        float(shares[label]),
        max(0.0, float(others[rival])),
        rival if len(shares) > 2 else 0,
    )


def quality(measures: Measures) -> float:
    """The IoU that the mask probably has with the object, in [0, 1]."""
    if math.isnan(measures.expected_iou):
        return RECTANGLE_QUALITY
    values = (measures.expected_iou, measures.network_agreement, measures.overlap_cost)
    logit = INTERCEPT + sum(weight * value for weight, value in zip(WEIGHTS, values, strict=True))
    return 0.5 + 0.5 * math.tanh(logit / 2)  # the logistic function, without overflow


def seen_threshold(seen: Sequence[float]) -> float:
    """What the network must see in a box at least, from what it has `seen` in all of them; see `flags`."""
    return min(MIN_SEEN, MIN_SHARE * float(np.median(seen))) if len(seen) else MIN_SEEN


def flags(measures: Measures, least: float = MIN_SEEN) -> list[str]:
    """The FLAGS of a box that a person should look at; none where nothing is odd.

    Args:
        measures: Of its mask.
        least: The probability of its label that the network must see somewhere in the box, see `seen_threshold`.
    """
    rectangle = math.isnan(measures.expected_iou)
    raised = {
        "nothing": rectangle or measures.seen < least,
        "loose": measures.tightness < MIN_TIGHTNESS or measures.overlap_cost > MAX_OVERLAP_COST,
        "disagreement": measures.rival_share > max(RIVAL, RIVALRY * measures.label_share),
    }
    return [name for name in FLAGS if raised[name]]
