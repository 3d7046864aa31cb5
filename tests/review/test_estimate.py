"""The order of a review, and what it says of the rest."""

from __future__ import annotations

import numpy as np
import pytest

from boxsup.random import generator
from boxsup.review.estimate import advice, estimate
from boxsup.review.order import EVERY, review_order


def test_the_worst_come_first_and_every_third_is_drawn_evenly():
    scores = generator(0, "scores").random(300).tolist()
    order, drawn = review_order(scores)
    assert sorted(order) == list(range(300))
    assert [place in drawn for place in order[:30]] == [number % EVERY == EVERY - 1 for number in range(30)]
    worst = [scores[place] for place in order if place not in drawn]
    assert worst == sorted(worst)
    assert worst[0] == min(scores)
    first = np.array([scores[place] for place in order[:36] if place in drawn])
    assert np.histogram(first, 4, (0, 1))[0].min() >= 2  # all over the scores
    assert review_order(scores) == (order, drawn)


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_few_boxes_have_an_order(count):
    assert sorted(review_order([0.5] * count)[0]) == list(range(count))


def reviewer(seed, count=300):
    """Scores and whether masks are right: by a function of the score that is no logistic one."""
    draws = generator(seed, "reviewer")
    scores = draws.beta(4, 1.5, count)
    chances = np.interp(scores, [0, 0.5, 0.7, 1], [0.05, 0.3, 0.8, 0.97])
    return scores, draws.random(count) < chances


def test_the_interval_covers_the_truth_though_the_worst_were_looked_at():
    covered, errors = 0, []
    for seed in range(100):
        scores, right = reviewer(seed)
        order, _ = review_order(scores.tolist(), seed)
        seen, rest = order[:30], order[30:]
        found = estimate(scores[seen].tolist(), right[seen].tolist(), scores[rest].tolist())
        truth = right[rest].mean()
        covered += found.low <= truth <= found.high
        errors.append(found.share - truth)
    assert covered >= 85
    assert abs(np.mean(errors)) < 0.05


def test_more_decisions_narrow_the_interval():
    scores, right = reviewer(1)
    order, _ = review_order(scores.tolist())
    widths = []
    for count in (30, 120):
        seen, rest = order[:count], order[count:]
        found = estimate(scores[seen].tolist(), right[seen].tolist(), scores[rest].tolist())
        widths.append(found.high - found.low)
    assert widths[1] < widths[0]


def test_it_says_how_many_more_and_when_to_stop():
    found = estimate([0.3] * 15 + [0.9] * 15, [False] * 15 + [True] * 15, [0.4] * 20 + [0.95] * 100)
    early = advice(found, 30, 0.95)
    assert not early.stop
    assert 0 < early.more <= 30
    assert early.low < early.share < early.high
    late = advice(found, 30, 0.5)
    assert late.stop
    assert late.more == 0
