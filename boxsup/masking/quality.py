"""How good a box's mask probably is, judged without a true mask, and which boxes a person should look at.

The score is a logistic function of what the update weighs (`boxsup.labels.costs`), of how much of its box the mask
fills, and of how much another box is in the way. There are two sets of weights, with a semantic network and without.
`benchmarks/mask_quality.py` fitted them to the true masks of training photographs, each judged by a network that had
not seen it, and measures them on other photographs; docs/use.md has the curve, and what else was tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxsup.image.boxes import box_blocks, box_iou, tight_box

# Measure -> weight; "" is the constant.
WITHOUT = {
    "": 0.14,
    "expected_iou": 2.17,
    "overlap_cost": -0.88,
    "object_cost": -4.08,
    "fill": 1.93,
    "crowding": -2.79,
}
WITH = {
    "": -0.64,
    "expected_iou": 2.30,
    "overlap_cost": -0.79,
    "object_cost": -3.45,
    "fill": 1.85,
    "crowding": -2.77,
    "network_agreement": 0.89,
}
RECTANGLE_QUALITY = 0.5  # objects of VOC fill 0.54 of their boxes
UNSURE = 0.7  # a score below is flagged: a quarter of the boxes, and three in four of the bad masks
MIN_SEEN = 0.05  # for the greatest probability of the class in its box,
MIN_SHARE = 0.1  # or this share of the median over all boxes: a network that has learned little is sure of nothing
FEW_PIXELS = 2  # px: of such a side the measures say nothing, any mask fits the box; a box may be a click
MIN_TIGHTNESS = 0.6
RIVAL = 0.5  # mean probability of another class on the mask, if it is also RIVALRY times that of the box's class
RIVALRY = 2.0

# Flag -> what it means; flags are listed in this order.
FLAGS = {
    "nothing": "no candidate fits, or the semantic network sees nothing of the label in the box",
    "unsure": "the score is low, or the box is one or two pixels wide or high, of which a score says nothing",
    "loose": "the mask ends short of the box's sides",
    "disagreement": "the semantic network sees another class on the mask",
}
SEMANTIC = ("network_agreement", "seen", "label_share", "rival_share")  # measures that need a semantic network


class CandidateMeasures(NamedTuple):
    """What the update knows of the candidate that a box chose; all NaN for a mask that is made of none.

    Attributes:
        expected_iou: Expected IoU of the candidate with the object; see `boxsup.labels.choice.ranking`.
        overlap_cost: E_o, 0 or more: how much the candidate misses of the box and leaks out of it.
        object_cost: E_b in [0, 1], its distance from the object map.
        network_agreement: 1 - E_r in [0, 1], its agreement with the semantic network, if there is one.
    """

    expected_iou: float
    overlap_cost: float
    object_cost: float
    network_agreement: float


NO_CANDIDATE = CandidateMeasures(math.nan, math.nan, math.nan, math.nan)


class Measures(NamedTuple):
    """What the quality of a box's mask is judged by; see `measure_mask`.

    Attributes:
        expected_iou: See CandidateMeasures, as for the next three.
        overlap_cost: E_o.
        object_cost: E_b.
        network_agreement: 1 - E_r; NaN without a semantic network, as are the other SEMANTIC measures.
        fill: Share of the box that the mask holds.
        crowding: Greatest IoU of the box with another box of the image.
        tightness: IoU of the box with the tight box of the mask.
        seen: Greatest probability of the class in the box.
        label_share: Mean probability of the class on the mask.
        rival_share: Mean probability on the mask of the likeliest other class except the background.
        rival: Number of that other class; 0 for none.
    """

    expected_iou: float
    overlap_cost: float
    object_cost: float
    network_agreement: float
    fill: float
    crowding: float
    tightness: float
    seen: float
    label_share: float
    rival_share: float
    rival: int


def crowding(boxes: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return the greatest IoU of each box with another one: B, from B×4 corners.

    >>> crowding(np.array([[0, 0, 2, 2], [0, 0, 2, 1], [5, 5, 6, 6]]))
    array([0.5, 0.5, 0. ], dtype=float32)
    """
    greatest = np.zeros(len(boxes), np.float32)
    for block in box_blocks(len(boxes)):
        iou = box_iou(boxes[block], boxes)
        iou[np.arange(len(iou)), np.arange(len(boxes))[block]] = 0
        greatest[block] = iou.max(axis=1)
    return greatest


def measure_mask(
    inside: NDArray[np.bool_],
    class_id: int,
    asked: tuple[NDArray[np.float32], NDArray[np.bool_]] | None,
    candidate: CandidateMeasures,
    crowd: float,
) -> Measures:
    """Measure a box's mask.

    Args:
        inside: h×w, the mask in the box; at least one pixel.
        class_id: Class of the box, 1…C-1, if a semantic network is asked.
        asked: C×h'×w' natural logarithms of a semantic network in the box, and the h'×w' mask on its pixels, at least
            one; None without a network.
        candidate: What is known of the chosen candidate.
        crowd: The box's value of `crowding`.

    Raises:
        ValueError: The mask has no pixel.
    """
    common = (*candidate, float(inside.mean()), crowd, _tightness(inside))
    if asked is None:
        return Measures(*common, math.nan, math.nan, math.nan, 0)
    log_probabilities, mask = asked
    shares = np.exp(log_probabilities[:, mask]).mean(axis=1)
    others = shares.copy()
    others[[0, class_id]] = -1.0
    rival = int(others.argmax())
    return Measures(
        *common,
        float(np.exp(log_probabilities[class_id].max())),
        float(shares[class_id]),
        max(0.0, float(others[rival])),
        rival if len(shares) > 2 else 0,
    )


def measure_again(measures: Measures, inside: NDArray[np.bool_]) -> Measures:
    """The measures of a mask that lost pixels to a mask of another box: its `fill` and `tightness` are new.

    Args:
        measures: Those of the whole mask.
        inside: h×w, what is left of it in its box; at least one pixel.

    Raises:
        ValueError: Nothing is left.
    """
    return measures._replace(fill=float(inside.mean()), tightness=_tightness(inside))


def _tightness(inside: NDArray[np.bool_]) -> float:
    tight = tight_box(inside)
    if tight is None:
        raise ValueError("a mask without a pixel in its box has no quality")
    height, width = inside.shape
    return float(box_iou(np.array([[0, 0, width, height]]), np.array([tight]))[0, 0])


def quality(measures: Measures) -> float:
    """Estimate the IoU of a mask with its object, in [0, 1]."""
    if math.isnan(measures.expected_iou):
        return RECTANGLE_QUALITY
    weights = WITHOUT if math.isnan(measures.network_agreement) else WITH
    logit = sum(weight * (getattr(measures, name) if name else 1.0) for name, weight in weights.items())
    return 0.5 + 0.5 * math.tanh(logit / 2)  # the logistic function, without overflow


def seen_threshold(seen: Sequence[float]) -> float:
    """Return the least probability that the semantic network must see in a box, given what it has `seen` in all boxes.

    NaN counts as a box that it was not asked about.

    Example:
        >>> seen_threshold([0.9, 0.8, 0.01])
        0.05
    """
    asked = [value for value in seen if not math.isnan(value)]
    return min(MIN_SEEN, MIN_SHARE * float(np.median(asked))) if asked else MIN_SEEN


def flags(measures: Measures, side: int, min_seen: float = MIN_SEEN) -> list[str]:
    """Return the FLAGS of a box that a person should look at; none if nothing is odd.

    Args:
        measures: Measures of the box's mask.
        side: The shorter side of the box, in pixels.
        min_seen: Probability of the class that the network must see somewhere in the box; see `seen_threshold`.
    """
    raised = {
        "nothing": math.isnan(measures.expected_iou) or measures.seen < min_seen,
        "unsure": quality(measures) < UNSURE or side <= FEW_PIXELS,
        "loose": measures.tightness < MIN_TIGHTNESS,
        "disagreement": measures.rival_share > max(RIVAL, RIVALRY * measures.label_share),
    }
    return [name for name in FLAGS if raised[name]]
