"""How good a box's mask probably is, judged without a true mask, and which boxes a person should look at.

The score is a logistic function of what the update weighs (`boxsup.labels.costs`): the expected IoU of the segment, its
agreement with the network, and how well it fits the box. `benchmarks/mask_quality.py` fitted the weights to true masks
and measured how well they predict; docs/use.md has the curve.
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
MIN_SEEN = 0.05  # for the greatest probability of the class in its box,
MIN_SHARE = 0.1  # or this share of the median over all boxes: a network that has learned little is sure of nothing
MIN_TIGHTNESS = 0.6
MAX_OVERLAP_COST = 0.6
RIVAL = 0.5  # mean probability of another class on the segment, if it is also RIVALRY times that of the box's class
RIVALRY = 2.0

# Flag -> what it means; flags are listed in this order.
FLAGS = {
    "nothing": "no segment was found, or the network sees nothing of the label in the box",
    "loose": "the segment ends short of the box's sides, or no segment fits the box well",
    "disagreement": "the network sees another class on the segment",
}


class Measures(NamedTuple):
    """What the quality of a box's mask is judged by; see `measure_mask`. The first three are NaN for a rectangle.

    Attributes:
        expected_iou: Expected IoU of the segment with the object; see `boxsup.labels.choice.ranking`.
        network_agreement: 1 - E_r, the mean agreement of segment and network over the box, in [0, 1].
        overlap_cost: E_o, 0 or more: how much the segment misses of the box and leaks out of it.
        tightness: IoU of the box with the tight box of the segment's part in it.
        seen: Greatest probability of the class in the box.
        label_share: Mean probability of the class on the segment.
        rival_share: Mean probability on the segment of the likeliest other class except the background.
        rival: Number of that other class.
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
    class_id: int,
    log_probabilities: NDArray[np.float32],
    costs: tuple[float, float, float] = (math.nan, math.nan, math.nan),
) -> Measures:
    """Measure a box's mask.

    Args:
        pixels: H×W mask; the part in the box counts, at least one pixel.
        box: Half-open pixel corners x0, y0, x1, y1.
        class_id: Class of the box, 1…C-1.
        log_probabilities: C×H×W natural logarithms.
        costs: Expected IoU, E_r by agreement, and E_o by coverage of the chosen candidate; NaN for a rectangle.

    Raises:
        ValueError: The mask has no pixel in the box.
    """
    x0, y0, x1, y1 = box
    inside = pixels[y0:y1, x0:x1]
    tight = tight_box(inside)
    if tight is None:
        raise ValueError("a mask without a pixel in its box has no quality")
    window = log_probabilities[:, y0:y1, x0:x1]
    shares = np.exp(window[:, inside]).mean(axis=1)
    others = shares.copy()
    others[[0, class_id]] = -1.0
    rival = int(others.argmax())
    expected, regression, overlap = costs
    return Measures(
        expected,
        1.0 - regression,
        overlap,
        float(box_iou(np.array([[0, 0, x1 - x0, y1 - y0]]), np.array([tight]))[0, 0]),
        float(np.exp(window[class_id].max())),
        float(shares[class_id]),
        max(0.0, float(others[rival])),
        rival if len(shares) > 2 else 0,
    )


def quality(measures: Measures) -> float:
    """Estimate the IoU of a mask with its object, in [0, 1].

    Example:
        >>> round(quality(Measures(0.8, 0.9, 0.1, tightness=1, seen=1, label_share=1, rival_share=0, rival=0)), 2)
        0.88
    """
    if math.isnan(measures.expected_iou):
        return RECTANGLE_QUALITY
    values = (measures.expected_iou, measures.network_agreement, measures.overlap_cost)
    logit = INTERCEPT + sum(weight * value for weight, value in zip(WEIGHTS, values, strict=True))
    return 0.5 + 0.5 * math.tanh(logit / 2)  # the logistic function, without overflow


def seen_threshold(seen: Sequence[float]) -> float:
    """Return the least probability that the network must see in a box, given what it has `seen` in all boxes.

    Example:
        >>> seen_threshold([0.9, 0.8, 0.01])
        0.05
    """
    return min(MIN_SEEN, MIN_SHARE * float(np.median(seen))) if len(seen) else MIN_SEEN


def flags(measures: Measures, min_seen: float = MIN_SEEN) -> list[str]:
    """Return the FLAGS of a box that a person should look at; none if nothing is odd.

    Args:
        measures: Measures of the box's mask.
        min_seen: Probability of the class that the network must see somewhere in the box; see `seen_threshold`.
    """
    rectangle = math.isnan(measures.expected_iou)
    raised = {
        "nothing": rectangle or measures.seen < min_seen,
        "loose": measures.tightness < MIN_TIGHTNESS or measures.overlap_cost > MAX_OVERLAP_COST,
        "disagreement": measures.rival_share > max(RIVAL, RIVALRY * measures.label_share),
    }
    return [name for name in FLAGS if raised[name]]
