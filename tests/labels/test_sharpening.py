"""Sharper segments: what candidates, map and network say of a pixel together, and which holes are filled."""

from itertools import pairwise

import numpy as np
import pytest

from boxsup.labels.choice import Choice
from boxsup.labels.sharpening import (
    LEAST,
    SEEN_IN_HOLE,
    WEIGHTS,
    object_mask,
    object_probabilities,
    probabilities_of,
    sharpened,
)
from boxsup.objects.maps import map_on_box
from boxsup.proposals.pool import make_pool

OBJECT = np.zeros((6, 8), np.bool_)
OBJECT[1:5, 1:7] = True
AGREED = np.where(OBJECT, 0.95, 0.05).astype(np.float32)


def probabilities(shares=0.5, seen=0.5, fill=0.5, where=0.5):
    values = (np.full((1, 1), value, np.float32) for value in (shares, seen))
    return float(object_probabilities(*values, fill, where=np.full((1, 1), where, np.float32))[0, 0])


def test_a_pixel_is_the_likelier_the_more_hold_it():
    for name in ("shares", "seen", "fill", "where"):
        steps = [probabilities(**{name: value}) for value in (0.0, 0.2, 0.5, 0.9, 1.0)]
        assert all(low < high for low, high in pairwise(steps))
    assert 0 < probabilities(0.0, 0.0, 0.0, 0.0) < probabilities(1.0, 1.0, 1.0, 1.0) < 1


def test_by_hand():
    one, of_shares, of_map, of_fill, of_network = WEIGHTS
    logit = one + 0.75 * of_shares + np.log(4) * of_map + 0.5 * of_fill
    assert probabilities(0.75, 0.8, 0.5) == pytest.approx(1 / (1 + np.exp(-logit)), rel=1e-5)
    assert probabilities(0.75, 0.8, 0.5, 0.9) == pytest.approx(
        1 / (1 + np.exp(-logit - np.log(9) * of_network)), rel=1e-5
    )


def test_a_network_that_cannot_tell_changes_nothing():
    alone = object_probabilities(AGREED, AGREED, 0.5)
    np.testing.assert_allclose(object_probabilities(AGREED, AGREED, 0.5, np.full_like(AGREED, 0.5)), alone, rtol=1e-6)


def test_what_all_agree_on_stays():
    mask = object_mask(object_probabilities(OBJECT.astype(np.float32), AGREED, OBJECT.mean()), AGREED)
    np.testing.assert_array_equal(mask, OBJECT)


def test_map_and_candidates_together_cut_and_add():
    shares, seen = OBJECT.astype(np.float32), AGREED.copy()
    shares[1, 1], seen[1, 1] = 0.05, 0.001
    shares[0, 7], seen[0, 7] = 0.9, 0.999
    mask = object_mask(object_probabilities(shares, seen, OBJECT.mean()), seen)
    assert not mask[1, 1]
    assert mask[0, 7]  # a piece of its own


@pytest.mark.parametrize(("seen_in_it", "stays"), [(SEEN_IN_HOLE / 2, True), (SEEN_IN_HOLE * 2, False)])
def test_a_hole_stays_if_the_map_sees_nothing_in_it(seen_in_it, stays):
    shares = np.where(OBJECT, 0.9, 0.0).astype(np.float32)
    seen = np.full(OBJECT.shape, 0.9, np.float32)
    shares[2:4, 3:5] = LEAST / 9
    seen[2:4, 3:5] = seen_in_it
    mask = object_mask(shares, seen)
    assert mask[2:4, 3:5].any() == (not stays)
    assert not mask[0].any()  # the outside is no hole, whatever the map sees there


def choice_of(shares, where=None):
    none = np.zeros(0)
    return Choice(0, np.array([0]), none, none, none, none, None, np.float32(shares), where)


def test_the_values_of_superpixels_and_of_the_map_lie_where_the_box_does():
    superpixels = np.zeros((4, 9), np.int32)
    superpixels[:, 5:] = 1  # the right part of the box, whose columns are 3 to 6
    pool = make_pool(superpixels, np.array([[False, True]]), np.ones(1))
    box, even = np.array([3, 1, 7, 4]), np.full((8, 8), 128, np.uint8)
    found = probabilities_of(choice_of([0.1, 0.8], np.float32([0.5, 0.5])), pool, box, map_on_box(even, box))
    assert found.shape == (3, 4)
    assert found[0, 0] == pytest.approx(probabilities(0.1, 128 / 255), rel=1e-5)  # the candidate fills half of the box
    assert found[0, 3] == pytest.approx(probabilities(0.8, 128 / 255), rel=1e-5)
    np.testing.assert_array_equal(sharpened(choice_of([0.1, 0.8]), pool, box, even), [[False, False, True, True]] * 3)
    top = np.where(np.arange(8)[:, None] < 4, 255, 0).astype(np.uint8) * np.ones((1, 8), np.uint8)
    assert sharpened(choice_of([0.5, 0.5]), pool, box, top).all(axis=1).tolist() == [True, True, False]


def test_where_nothing_is_probable_the_candidate_stays():
    pool = make_pool(np.array([[0, 1]]), np.array([[False, True]]), np.ones(1))
    nothing = np.zeros((8, 8), np.uint8)
    np.testing.assert_array_equal(
        sharpened(choice_of([0.0, 0.0]), pool, np.array([0, 0, 2, 1]), nothing), [[False, True]]
    )
