"""The quality of a box's mask and its flags, on a picture of 4×6 pixels worked by hand."""

import math

import numpy as np
import pytest

from boxsup.masking import quality as mask_quality
from boxsup.masking.quality import (
    FLAGS,
    MIN_SEEN,
    RECTANGLE_QUALITY,
    Measures,
    flags,
    measure_mask,
    quality,
    seen_threshold,
)

BOX = np.array([1, 0, 5, 4])
MASK = np.zeros((4, 6), np.bool_)
MASK[1:3, 1:4] = True  # tight: 3×2 of the box's 4×4
PROBABILITIES = np.full((3, 4, 6), 0.1)
PROBABILITIES[1, 1:3, 1:4] = 0.6  # the label on the mask
PROBABILITIES[1, 0, 4] = 0.7  # and its greatest, beside it
PROBABILITIES[1, 0, 0] = 0.9  # outside of the box: not looked at
PROBABILITIES[2, 1:3, 1:4] = 0.3
SCORES = np.log(PROBABILITIES).astype(np.float32)
GOOD = Measures(0.9, 0.8, 0.1, 0.9, 0.9, 0.7, 0.1, 2)


def test_measures_by_hand():
    got = measure_mask(MASK, BOX, 1, SCORES, (0.75, 0.25, 0.5))
    assert got.expected_iou == 0.75
    assert got.network_agreement == 0.75
    assert got.overlap_cost == 0.5
    assert got.tightness == pytest.approx(6 / 16)
    assert got.seen == pytest.approx(0.7)
    assert got.label_share == pytest.approx(0.6)
    assert (got.rival_share, got.rival) == (pytest.approx(0.3), 2)


def test_with_one_class_there_is_no_rival():
    got = measure_mask(MASK, BOX, 1, SCORES[:2])
    assert (got.rival_share, got.rival) == (0.0, 0)


def test_quality_rises_with_agreement_and_falls_with_cost():
    assert 0 < quality(GOOD) < 1
    assert quality(GOOD._replace(expected_iou=0.6)) < quality(GOOD)
    assert quality(GOOD._replace(network_agreement=0.4)) < quality(GOOD)
    assert quality(GOOD._replace(overlap_cost=0.9)) < quality(GOOD)
    assert quality(GOOD._replace(overlap_cost=50.0, network_agreement=-9.0)) >= 0


def test_quality_is_the_logistic_function_of_the_weighted_sum(monkeypatch):
    monkeypatch.setattr(mask_quality, "INTERCEPT", -1.0)
    monkeypatch.setattr(mask_quality, "WEIGHTS", (2.0, 1.0, -3.0))
    assert quality(GOOD) == pytest.approx(1 / (1 + math.exp(1 - 1.8 - 0.8 + 0.3)))


def test_a_rectangle_is_worth_what_rectangles_are():
    rectangle = measure_mask(MASK, BOX, 1, SCORES)
    assert math.isnan(rectangle.expected_iou)
    assert quality(rectangle) == RECTANGLE_QUALITY
    assert flags(rectangle) == ["nothing", "loose"]


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"seen": 0.01}, "nothing"),
        ({"expected_iou": math.nan}, "nothing"),
        ({"tightness": 0.3}, "loose"),
        ({"overlap_cost": 0.9}, "loose"),
        ({"rival_share": 0.6, "label_share": 0.2}, "disagreement"),
    ],
)
def test_each_flag_has_its_reason(change, flag):
    assert flags(GOOD) == []
    assert flags(GOOD._replace(**change)) == [flag]
    assert flag in FLAGS


def test_a_rival_must_be_likely_and_far_ahead():
    assert flags(GOOD._replace(rival_share=0.4, label_share=0.1)) == []
    assert flags(GOOD._replace(rival_share=0.55, label_share=0.4)) == []


def test_what_must_be_seen_falls_with_what_the_network_sees_of_all_boxes():
    assert seen_threshold([]) == seen_threshold([0.9, 0.8, 0.01]) == MIN_SEEN
    assert seen_threshold([0.2, 0.1, 0.3]) == pytest.approx(0.02)
    young = GOOD._replace(seen=0.03)
    assert flags(young) == ["nothing"]
    assert flags(young, seen_threshold([0.03, 0.02, 0.04])) == []
