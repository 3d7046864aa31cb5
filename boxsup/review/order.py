"""In which order boxes are shown: those first for which a look pays most, with some that are drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from boxsup.random import generator

EVERY = 3  # one box in so many is drawn at random: the others, the worst, would say little about the rest


def review_order(scores: Sequence[float], seed: int = 0) -> tuple[list[int], set[int]]:
    """Order boxes by rising score, and mix in boxes that are drawn at random.

    Every third box of the order is drawn. The draws are stratified: at any time those made so far are spread evenly
    over the boxes by score (van der Corput's sequence from a random start), so that few of them say much.

    Args:
        scores: The scores of the B boxes.
        seed: Seed of the draws.

    Returns:
        The places of all boxes in order, each once; and those of them that were drawn.

    >>> order, drawn = review_order([0.9, 0.1, 0.5, 0.3])
    >>> order[:2], len(order), len(drawn)
    ([1, 3], 4, 1)
    """
    worst = np.argsort(np.asarray(scores, np.float64), kind="stable").tolist()
    start, count = float(generator(seed, "review order").random()), len(worst)
    order: dict[int, None] = {}
    drawn: set[int] = set()
    rising, step, free = iter(range(count)), 0, list(range(count + 1))
    while len(order) < count:
        if len(order) % EVERY == EVERY - 1:
            place = int((start + _corput(step)) % 1 * count)
            step += 1
            # If the box itself was shown, the next one by score that was not stands for it.
            place = _next_free(free, place)
            place = place if place < count else _next_free(free, 0)
            drawn.add(worst[place])
        else:
            place = next(place for place in rising if free[place] == place)
        free[place] = place + 1
        order[worst[place]] = None
    return list(order), drawn


def _next_free(free: list[int], place: int) -> int:
    """The first place from `place` on that is free; the last one is always free.

    Args:
        free: For each place itself if it is free, or else a later place to look at; paths are halved on the way.
        place: Where to begin.
    """
    while free[place] != place:
        free[place] = free[free[place]]
        place = free[place]
    return place


def _corput(index: int) -> float:
    """The index-th number of van der Corput's sequence, which fills [0, 1) ever more evenly."""
    value, share = 0.0, 0.5
    while index:
        value += share * (index & 1)
        index, share = index >> 1, share / 2
    return value
