"""What share of the masks that nobody looked at is right, from what was decided on the others.

A mask is right if its IoU with what the person decided on is RIGHT or more. The boxes that are shown are mostly the
worst by score, so their share says nothing by itself. We model the probability that a mask is right as a logistic
function of the logarithm of the odds of its score, with weak priors on both of its parameters, and compute their
posterior on a grid. That is honest whatever boxes were shown as long as they were chosen by score (or at random) and
the function fits; the boxes that are drawn at random (`boxsup.review.order`) show how it goes on where scores are high.
The interval also has the chance in which of the remaining masks are right. `benchmarks/review.py` measures how often it
covers the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.random import generator

RIGHT = 0.7  # IoU of the shown mask with the decided one, from which on it was right
NEEDED = 30  # decisions before a share is named
LEVEL = 0.90  # of the interval
DRAWS = 1000  # of parameters and of right masks
GROUPS = 100  # that the rest is computed in
CENTRE = 0.7  # the score at which the level is a parameter
CLIPPED = 0.02  # scores nearer to 0 or 1 count as this
LEVELS = np.linspace(-5, 7, 61)
SLOPES = np.linspace(-1, 5, 49)
LEVEL_PRIOR = (1.0, 1.5)  # mean and deviation: at a score of .7, three in four are right, or one in five, or 97 %
SLOPE_PRIOR = (1.0, 1.0)


@dataclass(frozen=True)
class Estimate:
    """What is thought of the masks that nobody looked at.

    Attributes:
        share: The share of them that is right.
        low: The lower end of the interval of LEVEL.
        high: Its upper end.
        chances: The probability that each of them is right.
    """

    share: float
    low: float
    high: float
    chances: NDArray[np.float64]


def estimate(scores: Sequence[float], right: Sequence[bool], rest: Sequence[float]) -> Estimate:
    """Estimate the share of right masks among the rest.

    Args:
        scores: Scores of the boxes that were decided on.
        right: Whether their masks were right.
        rest: Scores of the others, at least one.

    >>> found = estimate([0.5, 0.6, 0.9, 0.95], [False, True, True, True], [0.8] * 20)
    >>> found.low < found.share < found.high
    True
    """
    level, slope = (axis.ravel() for axis in np.meshgrid(LEVELS, SLOPES, indexing="ij"))
    known, value = _odds(scores), np.asarray(right, np.float64)
    logits = level[:, None] + slope[:, None] * known
    likelihood = (value * logits - np.logaddexp(0, logits)).sum(axis=1)
    prior = -0.5 * sum(((axis - mean) / deviation) ** 2 for axis, (mean, deviation) in _priors(level, slope))
    weights = np.exp(likelihood + prior - (likelihood + prior).max())
    weights /= weights.sum()
    draws = generator(0, "review estimate")
    chosen = draws.choice(len(weights), DRAWS, p=weights)
    groups = np.array_split(np.argsort(rest, kind="stable"), min(GROUPS, len(rest)))  # of nearly equal scores
    own, counts = _odds(rest), np.array([len(group) for group in groups])
    odds = np.array([own[group].mean() for group in groups])
    likely = _logistic(level[chosen, None] + slope[chosen, None] * odds)
    shares = draws.binomial(counts, likely).sum(axis=1) / len(rest)
    low, high = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    chances = np.empty(len(rest))
    chances[np.concatenate(groups)] = np.repeat(likely.mean(axis=0), counts)
    return Estimate(float(chances.mean()), float(low), float(high), chances)


@dataclass(frozen=True)
class Advice:
    """Whether to go on.

    Attributes:
        share: The share of all masks that are right if the person stops now, those decided on included.
        low: The lower end of its interval.
        high: The upper end.
        stop: Whether the lower end reaches the target.
        more: How many more boxes to look at until `share` probably reaches the target.
    """

    share: float
    low: float
    high: float
    stop: bool
    more: int


def advice(found: Estimate, decided: int, target: float) -> Advice:
    """Say when to stop.

    Args:
        found: The estimate of the rest, in the order in which the rest would be shown.
        decided: Number of boxes that were decided on, whose masks are now right.
        target: The share of all masks that shall be right.
    """
    rest = len(found.chances)
    share, low, high = ((decided + rest * part) / (decided + rest) for part in (found.share, found.low, found.high))
    right_after = decided + found.chances.sum() + np.concatenate(([0.0], np.cumsum(1 - found.chances)))
    reached = np.flatnonzero(right_after >= target * (decided + rest) - 1e-9)
    return Advice(share, low, high, low >= target, int(reached[0]) if len(reached) else rest)


def _priors(
    level: NDArray[np.float64], slope: NDArray[np.float64]
) -> list[tuple[NDArray[np.float64], tuple[float, float]]]:
    return [(level, LEVEL_PRIOR), (slope, SLOPE_PRIOR)]


def _odds(scores: Sequence[float]) -> NDArray[np.float64]:
    """The logarithms of the odds of scores, less that of CENTRE."""
    clipped = np.clip(np.asarray(scores, np.float64), CLIPPED, 1 - CLIPPED)
    return np.asarray(np.log(clipped / (1 - clipped)) - np.log(CENTRE / (1 - CENTRE)))


def _logistic(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 + 0.5 * np.tanh(logits / 2))
