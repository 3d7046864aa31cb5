"""Views of small boxes: planned by hand, joined exactly, and worth their while on a picture of small things."""

import numpy as np
import pytest

from boxsup.config.proposals import ViewSettings
from boxsup.image.boxes import box_iou
from boxsup.proposals.pool import make_pool
from boxsup.proposals.views import views_of, with_views
from boxsup.random import generator
from helpers.scenes import odd_image

SETTINGS = ViewSettings(below=40, side=80, margin=0.25, together=3, fit=0.3, candidates=50, most=8)


def halves(image, image_id):
    """A method that proposes the left and the right half of whatever it sees."""
    labels = np.zeros(image.shape[:2], np.int64)
    labels[:, image.shape[1] // 2 :] = 1
    return make_pool(labels, np.eye(2, dtype=bool), np.array([0.0, -1.0]))


def test_only_small_boxes_get_a_view_cut_out_with_a_margin_and_scaled():
    (view,) = views_of(np.array([[20, 10, 40, 18], [0, 0, 60, 50]]), 100, 200, 1.0, SETTINGS)
    assert view.window == (15, 8, 45, 20)
    assert view.size == (round(12 * 80 / (16 * 2**0.5)), round(30 * 80 / (16 * 2**0.5)))
    np.testing.assert_array_equal(view.boxes, [[20, 10, 40, 18]])
    seen = view.seen()[0]
    assert np.abs(seen - np.array([5, 2, 25, 10]) * 80 / (16 * 2**0.5)).max() <= 1


def test_small_means_small_on_the_reduced_image():
    boxes = np.array([[0, 0, 100, 100]])
    assert views_of(boxes, 1000, 1000, 1.0, SETTINGS) == []
    assert len(views_of(boxes, 1000, 1000, 0.09, SETTINGS)) == 1


def test_neighbours_of_like_size_share_a_view_and_the_smallest_come_first():
    boxes = np.array([[100, 100, 130, 130], [0, 0, 20, 20], [22, 0, 42, 20], [0, 22, 20, 42]])
    views = views_of(boxes, 200, 200, 1.0, SETTINGS)
    assert [len(view.boxes) for view in views] == [3, 1]
    assert views[0].window == (0, 0, 47, 47)
    assert len(views_of(boxes, 200, 200, 1.0, SETTINGS.changed(most=1))) == 1


def test_no_view_has_more_megapixels_than_the_reduced_image():
    (view,) = views_of(np.array([[0, 0, 30, 20]]), 600, 600, 0.002, SETTINGS.changed(below=1e3, side=3000.0))
    assert view.size[0] * view.size[1] <= 2000


def test_where_boxes_ask_for_more_views_more_of_them_share_one():
    """A grid of 400 boxes asks for 100 views and gets at most 8, in which every box is."""
    y, x = np.mgrid[:20, :20] * 50
    boxes = np.stack([x, y, x + 20, y + 20], axis=-1).reshape(-1, 4)
    views = views_of(boxes, 1000, 1000, 1.0, SETTINGS)
    assert 4 <= len(views) <= 8
    assert sum(len(view.boxes) for view in views) == 400


def test_the_union_holds_every_candidate_of_the_image_and_those_of_views_where_they_are():
    image = np.zeros((60, 80, 3), np.uint8)
    boxes = np.array([[10, 10, 30, 30], [36, 40, 56, 50]])
    alone = halves(image, "a")
    both = with_views(halves(image, "a"), halves, image, "a", boxes, 1.0, SETTINGS.changed(together=1.0, fit=0.25))
    for number in range(2):
        assert any(np.array_equal(alone.mask(number), both.mask(other)) for other in range(len(both)))
    masks = [both.mask(number) for number in range(len(both))]
    for window in [(5, 5, 35, 35), (31, 37, 61, 53)]:
        x0, y0, x1, y1 = window
        left = np.zeros((60, 80), bool)
        left[y0:y1, x0 : (x0 + x1) // 2] = True
        assert max((mask & left).sum() / (mask | left).sum() for mask in masks) > 0.9
    assert len(both) == 6


def test_candidates_far_from_the_boxes_of_a_view_stay_away():
    image, boxes = np.zeros((60, 80, 3), np.uint8), np.array([[10, 10, 30, 30]])
    assert len(with_views(halves(image, "a"), halves, image, "a", boxes, 1.0, SETTINGS.changed(fit=0.9))) == 2


@pytest.mark.parametrize("boxes", [np.empty((0, 4), np.int64), np.array([[0, 0, 80, 60]])])
def test_without_small_boxes_the_pool_is_the_methods_own(boxes):
    image = np.zeros((60, 80, 3), np.uint8)
    pool, expected = with_views(halves(image, "a"), halves, image, "a", boxes, 1.0, SETTINGS), halves(image, "a")
    np.testing.assert_array_equal(pool.superpixels, expected.superpixels)
    np.testing.assert_array_equal(pool.members, expected.members)


def test_boxes_at_borders_and_of_one_pixel_have_views():
    image = odd_image((30, 50), flat=False)
    boxes = np.array([[0, 0, 1, 1], [49, 29, 50, 30], [0, 0, 50, 1], [20, 0, 22, 30]])
    draws = generator(0, "views")

    def pieces(picture, image_id):
        labels = draws.integers(0, 5, picture.shape[:2])
        return make_pool(labels, np.eye(5, dtype=bool), -np.arange(5.0))

    pool = with_views(pieces(image, "a"), pieces, image, "a", boxes, 1.0, SETTINGS)
    assert pool.superpixels.shape == (30, 50)
    assert set(np.unique(pool.superpixels)) == set(range(pool.regions))
    assert (box_iou(boxes, pool.boxes) >= 0).all()
    assert (np.diff(pool.scores) <= 0).all()
