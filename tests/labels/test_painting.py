import numpy as np
import pytest

from boxsup.labels.painting import paint


def test_smaller_boxes_win_overlaps_and_void_never_covers():
    boxes = np.array([[0, 0, 2, 2], [0, 0, 4, 4], [1, 1, 4, 4]])
    painted = paint(4, 4, boxes, np.array([1, 2, 255]), [None] * 3, clip=True)
    np.testing.assert_array_equal(painted, [[1, 1, 2, 2], [1, 1, 2, 2], [2, 2, 2, 2], [2, 2, 2, 2]])
    void_alone = paint(4, 4, boxes[2:], np.array([255]), [None], clip=True)
    assert (void_alone == 255).sum() == 9


@pytest.mark.parametrize(("clip", "pixels"), [(True, 4), (False, 16)])
def test_a_segment_ends_at_its_box_only_when_clipped(clip, pixels):
    painted = paint(4, 4, np.array([[1, 1, 3, 3]]), np.array([7]), [np.ones((4, 4), bool)], clip)
    assert (painted == 7).sum() == pixels


def test_the_strongest_claim_wins_a_pixel_and_the_smaller_box_between_equal_ones():
    boxes = np.array([[0, 0, 4, 1], [1, 0, 4, 1]])
    claims = [np.array([[0.9, 0.9, 0.5, 0.5]]), np.array([[0.6, 0.5, 0.7]])]
    painted = paint(1, 4, boxes, np.array([1, 2]), [None, None], True, claims)
    np.testing.assert_array_equal(painted, [[1, 1, 2, 2]])


def test_claims_that_differ_in_their_last_bits_are_equal():
    boxes, claim = np.array([[0, 0, 4, 1], [0, 0, 4, 1]]), np.full((1, 4), 0.5, np.float32)
    above = np.where([[True, False, True, False]], np.nextafter(claim, np.float32(1)), claim)
    painted = paint(1, 4, boxes, np.array([1, 2]), [None, None], True, [above, claim])
    np.testing.assert_array_equal(painted, [[2, 2, 2, 2]])


def test_many_ties_do_not_add_up():
    boxes, claims = np.array([[0, 0, 2, 1]] * 5), [np.full((1, 2), 0.5 - 0.9e-5 * number) for number in range(5)]
    painted = paint(1, 2, boxes, np.arange(1, 6), [None] * 5, True, claims)
    np.testing.assert_array_equal(painted, [[2, 2]])


def test_a_box_without_a_claim_wins_over_larger_boxes_and_smaller_ones_win_over_it():
    boxes = np.array([[0, 0, 5, 1], [0, 0, 3, 1], [0, 0, 1, 1]])
    claims = [np.full((1, 5), 0.9), None, np.full((1, 1), 0.9)]
    painted = paint(1, 5, boxes, np.array([1, 2, 3]), [None, None, None], True, claims)
    np.testing.assert_array_equal(painted, [[3, 2, 2, 1, 1]])


def test_what_a_box_without_a_claim_covers_has_no_claim_any_more():
    boxes = np.array([[0, 0, 9, 1], [0, 0, 5, 1], [2, 0, 4, 1]])
    claims = [np.full((1, 9), 0.9), None, np.full((1, 2), 0.5)]
    painted = paint(1, 9, boxes, np.array([1, 2, 3]), [None, None, None], True, claims)
    np.testing.assert_array_equal(painted, [[2, 2, 3, 3, 2, 1, 1, 1, 1]])


def test_void_never_covers_a_class_whatever_is_claimed():
    boxes = np.array([[0, 0, 2, 1], [0, 0, 2, 1]])
    painted = paint(1, 2, boxes, np.array([3, 255]), [None, None], True, [None, None])
    np.testing.assert_array_equal(painted, [[3, 3]])


def test_outside_its_box_a_segment_claims_nothing():
    masks = [np.ones((1, 3), bool), np.ones((1, 3), bool)]
    boxes = np.array([[0, 0, 1, 1], [1, 0, 3, 1]])
    painted = paint(1, 3, boxes, np.array([1, 2]), masks, False, [np.array([[0.2]]), np.array([[0.2, 0.2]])])
    np.testing.assert_array_equal(painted, [[1, 2, 2]])
