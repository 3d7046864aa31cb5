"""The order of boxes in a review."""

from __future__ import annotations

import time

import numpy as np

from boxsup.review.order import review_order


def test_each_box_comes_once_and_a_third_is_drawn():
    scores = np.random.default_rng(0).random(1000).tolist()
    order, drawn = review_order(scores)
    assert sorted(order) == list(range(1000))
    assert drawn == {order[place] for place in range(2, 1000, 3)}
    shown = [scores[place] for place in order if place not in drawn]
    assert shown == sorted(shown)
    half = [scores[place] for place in order[:500] if place in drawn]  # spread evenly, by score
    assert np.histogram(half, 3, (0.4, 1))[0].min() > 25


def test_a_draw_takes_the_next_free_box_by_score():
    for count in (0, 1, 2, 3, 4, 50):
        order, drawn = review_order([0.5] * count)
        assert sorted(order) == list(range(count))
        assert len(drawn) == count // 3


def test_time_does_not_grow_with_the_square():
    def seconds(count):
        start = time.process_time()
        review_order(np.linspace(0, 1, count).tolist())
        return time.process_time() - start

    seconds(100)
    assert seconds(40_000) < 40 * seconds(4_000) + 0.1  # 100 times with the square
