"""Sharper masks: what candidate, expectation and object map say of a pixel, and which holes are filled."""

from itertools import pairwise

import numpy as np
import pytest

from boxsup.masking.refine import LEAST, SEEN_IN_HOLE, object_probabilities, refined

CHOSEN = np.zeros((6, 8), np.bool_)
CHOSEN[1:5, 1:7] = True


def probabilities(chosen=CHOSEN, shares=0.5, seen=0.5):
    size = CHOSEN.shape
    return object_probabilities(chosen, np.full(size, shares, np.float32), np.full(size, seen, np.float32))


def test_a_pixel_is_the_likelier_the_more_hold_it():
    assert (probabilities()[CHOSEN].min() > probabilities()[~CHOSEN]).all()
    for name in ("shares", "seen"):
        steps = [probabilities(**{name: value}) for value in (0.0, 0.2, 0.5, 0.9, 1.0)]
        assert all((low < high).all() for low, high in pairwise(steps))
    assert 0 < probabilities(shares=0.0, seen=0.0).min() < probabilities(shares=1.0, seen=1.0).max() < 1


def test_what_all_agree_on_stays():
    seen = np.where(CHOSEN, 0.95, 0.05).astype(np.float32)
    np.testing.assert_array_equal(refined(object_probabilities(CHOSEN, CHOSEN.astype(np.float32), seen), seen), CHOSEN)


def test_map_and_candidates_together_cut_and_add():
    shares, seen = CHOSEN.astype(np.float32), np.where(CHOSEN, 0.95, 0.05).astype(np.float32)
    shares[1, 1], seen[1, 1] = 0.05, 0.001
    shares[0, 7], seen[0, 7] = 0.9, 0.999
    mask = refined(object_probabilities(CHOSEN, shares, seen), seen)
    assert not mask[1, 1]
    assert mask[0, 7]  # a piece of its own


@pytest.mark.parametrize(("seen_in_it", "stays"), [(SEEN_IN_HOLE / 2, True), (SEEN_IN_HOLE * 2, False)])
def test_a_hole_stays_if_the_map_sees_nothing_in_it(seen_in_it, stays):
    shares = np.where(CHOSEN, 0.9, 0.0).astype(np.float32)
    seen = np.full(CHOSEN.shape, 0.9, np.float32)
    shares[2:4, 3:5] = LEAST / 9
    seen[2:4, 3:5] = seen_in_it
    mask = refined(shares, seen)
    assert mask[2:4, 3:5].any() == (not stays)
    assert not mask[0].any()  # the outside is no hole, whatever the map sees there
