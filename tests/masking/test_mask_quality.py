"""The quality of a box's mask and its flags, on a picture of 4×4 pixels worked by hand."""

import math

import numpy as np
import pytest

from boxsup.masking import quality as mask_quality
from boxsup.masking.quality import (
    FLAGS,
    MIN_SEEN,
    NO_CANDIDATE,
    RECTANGLE_QUALITY,
    SEMANTIC,
    UNSURE,
    CandidateMeasures,
    Measures,
    flags,
    measure_mask,
    quality,
    seen_threshold,
)

MASK = np.zeros((4, 4), np.bool_)
MASK[1:3, 0:3] = True  # tight: 3×2 of the box's 4×4
PROBABILITIES = np.full((3, 4, 4), 0.1)
PROBABILITIES[1, 1:3, 0:3] = 0.6  # the label on the mask
PROBABILITIES[1, 0, 3] = 0.7  # and its greatest, beside it
PROBABILITIES[2, 1:3, 0:3] = 0.3
SCORES = np.log(PROBABILITIES).astype(np.float32)
CANDIDATE = CandidateMeasures(0.9, 0.1, 0.1, 0.8)
GOOD = Measures(*CANDIDATE, fill=0.7, crowding=0, tightness=0.9, seen=0.9, label_share=0.7, rival_share=0.1, rival=2)
SIDE = 4  # px, of the box
GOOD_ALONE = GOOD._replace(**dict.fromkeys(SEMANTIC, math.nan), rival=0)


def test_measures_by_hand():
    got = measure_mask(MASK, 1, (SCORES, MASK), CANDIDATE, 0.25)
    assert got[:4] == CANDIDATE
    assert (got.fill, got.crowding) == (6 / 16, 0.25)
    assert got.tightness == pytest.approx(6 / 16)
    assert got.seen == pytest.approx(0.7)
    assert got.label_share == pytest.approx(0.6)
    assert (got.rival_share, got.rival) == (pytest.approx(0.3), 2)


def test_with_one_class_there_is_no_rival():
    got = measure_mask(MASK, 1, (SCORES[:2], MASK), CANDIDATE, 0.25)
    assert (got.rival_share, got.rival) == (0.0, 0)


def test_without_a_semantic_network_the_rest_is_measured():
    got = measure_mask(MASK, 0, None, CANDIDATE._replace(network_agreement=math.nan), 0.25)
    assert all(math.isnan(getattr(got, name)) for name in SEMANTIC)
    assert got[4:7] == measure_mask(MASK, 1, (SCORES, MASK), CANDIDATE, 0.25)[4:7]
    assert got.rival == 0
    with pytest.raises(ValueError, match="without a pixel"):
        measure_mask(np.zeros_like(MASK), 0, None, CANDIDATE, 0.25)


@pytest.mark.parametrize("good", [GOOD, GOOD_ALONE], ids=["asked", "alone"])
def test_quality_is_in_range_and_moves_with_what_it_weighs(good):
    assert 0 < quality(good) < 1
    weights = mask_quality.WITHOUT if good is GOOD_ALONE else mask_quality.WITH
    for name, weight in weights.items():
        if name:
            more = good._replace(**{name: getattr(good, name) + 0.05})
            assert (quality(more) - quality(good)) * weight > 0
            for extreme in (-1e6, 1e6):
                assert 0 <= quality(good._replace(**{name: extreme})) <= 1


@pytest.mark.parametrize("good", [GOOD, GOOD_ALONE], ids=["asked", "alone"])
def test_what_speaks_for_a_mask_raises_its_score(good):
    for worse in ({"expected_iou": 0.5}, {"overlap_cost": 0.5}, {"object_cost": 0.4}, {"fill": 0.2}, {"crowding": 0.4}):
        assert quality(good._replace(**worse)) < quality(good)


def test_a_rectangle_is_worth_what_rectangles_are():
    rectangle = measure_mask(np.ones_like(MASK), 1, (SCORES, np.ones_like(MASK)), NO_CANDIDATE, 0.0)
    assert quality(rectangle) == RECTANGLE_QUALITY
    assert flags(rectangle, SIDE) == ["nothing", "unsure"]


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"seen": 0.01}, "nothing"),
        ({"tightness": 0.3}, "loose"),
        ({"rival_share": 0.6, "label_share": 0.2}, "disagreement"),
    ],
)
def test_each_flag_has_its_reason(change, flag):
    assert flags(GOOD, SIDE) == flags(GOOD_ALONE, SIDE) == []
    assert flag in flags(GOOD._replace(**change), SIDE)
    assert set(flags(GOOD._replace(**change), SIDE)) <= {flag, "unsure"}
    assert flag in FLAGS


def test_a_low_score_is_flagged():
    bad = GOOD._replace(expected_iou=0.4, object_cost=0.5, crowding=0.3)
    assert quality(bad) < UNSURE
    assert flags(bad, SIDE) == ["unsure"]


@pytest.mark.parametrize(("side", "flagged"), [(1, True), (2, True), (3, False)])
def test_a_box_of_a_pixel_or_two_is_flagged_however_good_its_score(side, flagged):
    """Nearly any mask fits it: what is measured says nothing of the object, which may be a click."""
    for good in (GOOD, GOOD_ALONE):
        assert flags(good, side) == ["unsure"] * flagged


def test_a_rival_must_be_likely_and_far_ahead():
    assert flags(GOOD._replace(rival_share=0.4, label_share=0.1), SIDE) == []
    assert flags(GOOD._replace(rival_share=0.55, label_share=0.4), SIDE) == []


def test_what_must_be_seen_falls_with_what_the_network_sees_of_all_boxes():
    assert seen_threshold([]) == seen_threshold([math.nan]) == seen_threshold([0.9, 0.8, 0.01]) == MIN_SEEN
    assert seen_threshold([0.2, 0.1, 0.3, math.nan]) == pytest.approx(0.02)
    young = GOOD._replace(seen=0.03)
    assert flags(young, SIDE) == ["nothing"]
    assert flags(young, SIDE, seen_threshold([0.03, 0.02, 0.04])) == []
