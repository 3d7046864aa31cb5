"""A pixel goes to the box that is surest of it."""

import numpy as np

from boxsup.masking.disjoint import NOBODY, owners

BOXES = np.array([[0, 0, 6, 4], [2, 1, 8, 4], [3, 2, 5, 4]])


def masks_and_claims(claims):
    sizes = [(y1 - y0, x1 - x0) for x0, y0, x1, y1 in BOXES]
    full = [np.ones(size, np.bool_) for size in sizes]
    return full, [np.full(size, claim, np.float32) for size, claim in zip(sizes, claims, strict=True)]


def test_the_strongest_claim_has_the_pixel():
    found = owners(5, 9, BOXES, *masks_and_claims((0.7, 0.9, 0.8)))
    assert (found[1:4, 2:8] == 1).all()
    assert (found[0, :6] == 0).all()
    assert (found[4] == NOBODY).all()
    assert not (found == 2).any()


def test_of_equal_claims_the_smaller_box_has_the_pixel():
    found = owners(5, 9, BOXES, *masks_and_claims((0.5, 0.5, 0.5)))
    assert (found[2:4, 3:5] == 2).all()
    assert (found[1, 2:8] == 1).all()


def test_claims_that_differ_in_their_last_bits_are_equal():
    box, claim = np.array([[0, 0, 6, 4]] * 2), np.full((4, 6), 0.5, np.float32)
    above = np.where(np.arange(24).reshape(4, 6) % 2, np.nextafter(claim, np.float32(1)), claim)
    found = owners(5, 9, box, [np.ones((4, 6), np.bool_)] * 2, [above, claim])
    assert (found[:4, :6] == 1).all()


def test_many_ties_do_not_add_up():
    box, ones = np.array([[0, 0, 2, 1]] * 5), [np.ones((1, 2), np.bool_)] * 5
    claims = [np.full((1, 2), 0.5 - 0.9e-5 * number, np.float32) for number in range(5)]
    assert (owners(1, 2, box, ones, claims) == 1).all()  # the last within a tie of the strongest


def test_only_pixels_of_masks_are_given():
    masks, claims = masks_and_claims((0.9, 0.1, 0.1))
    masks[0][:] = False
    masks[1][:, 0] = False
    found = owners(5, 9, BOXES, masks, claims)
    assert not (found == 0).any()
    assert (found[:, 2] == NOBODY).all()
