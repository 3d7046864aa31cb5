"""DeepLab's search for the weights of the dense CRF, coarse to fine (Chen et al., ICLR 2015, section 4.1).

The appearance kernel's weight w1 and its standard deviations σα (position) and σβ (colour) are tried on a grid, then
around the best with finer steps; what else the CRF needs stays as it is. Without torch, for the workers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxsup.config.inference import CrfSearchSettings, CrfSettings
from boxsup.evaluation.confusion import confusion_matrix
from boxsup.inference.crf import refine_labels

DECIMALS = 6  # of a tried value: enough to halve steps, too few for sums of floats to make two values of one


class Point(NamedTuple):
    """What is searched, w1, σα and σβ, by the names of `CrfSettings`."""

    bilateral_weight: float
    bilateral_xy: float
    bilateral_rgb: float


def search_rounds(
    search: CrfSearchSettings, score: Callable[[int, Sequence[Point]], Sequence[float]]
) -> Iterator[tuple[int, list[Point], dict[Point, float]]]:
    """Search coarse to fine, until the rounds are done or no point is left to try.

    Args:
        search: The values of the first round, and the number of rounds.
        score: Called with the number of a round and its points; gives the score of each point.

    Yields:
        For each round its number, from 1, its points, and the scores of all points so far, in the order tried.

    Raises:
        ConfigError: See `grid`.
    """
    scores: dict[Point, float] = {}
    points, steps = grid(search)
    for number in range(1, search.rounds + 1):
        scores |= zip(points, score(number, points), strict=True)
        yield number, points, scores
        points, steps = around(best_of(scores), steps, scores)
        if not points:
            return


def grid(search: CrfSearchSettings) -> tuple[list[Point], Point]:
    """The points of the first round, all combinations of the values, and the least step between values of each kind."""
    values = [sorted(getattr(search, name)) for name in Point._fields]
    points = [Point(*combination) for combination in product(*values)]
    return points, Point(*(float(np.diff(kind).min()) for kind in values))


def around(best: Point, steps: Point, tried: Collection[Point]) -> tuple[list[Point], Point]:
    """The points of the next round, around the best so far, and their steps.

    Each value goes half a step down and up. Where it is the least or the greatest tried so far, the best may lie
    beyond: it goes a whole step, as far as that leaves it positive, and so the search can leave its first ranges.

    Args:
        best: The best of `tried`.
        steps: Of the round before.
        tried: All points so far.

    Returns:
        The points, all combinations but for those tried already, and the steps.
    """
    taken = []
    for axis, (value, step) in enumerate(zip(best, steps, strict=True)):
        known = {point[axis] for point in tried}
        outward = value in (min(known), max(known)) and value > step
        taken.append(step if outward else step / 2)
    values = [
        [near for near in (round(value + sign * step, DECIMALS) for sign in (-1, 0, 1)) if near > 0]
        for value, step in zip(best, taken, strict=True)
    ]
    points = [Point(*combination) for combination in product(*values)]
    return [point for point in points if point not in tried], Point(*taken)


def best_of(scores: dict[Point, float]) -> Point:
    """The point of the highest score; of equal ones that which was tried first."""
    return max(scores, key=scores.__getitem__)


def confusions_at(
    image: NDArray[np.uint8],
    log_probabilities: NDArray[np.float32],
    labels: NDArray[np.intp],
    truth: NDArray[np.uint8],
    settings: Sequence[CrfSettings],
    classes: int,
) -> NDArray[np.int64]:
    """The confusion matrices of one image's label maps under each of several settings of the CRF.

    Args:
        image: H×W×3 uint8 RGB.
        log_probabilities: L×H×W float32, of the L `labels` that enter the CRF.
        labels: Those labels; see `boxsup.inference.crf.relevant_labels`.
        truth: H×W uint8, 255 for void.
        settings: P of them.
        classes: C, background included.

    Returns:
        P×C×(C+1); see `confusion_matrix`.
    """
    maps = (refine_labels(image, log_probabilities, labels, each) for each in settings)
    return np.stack([confusion_matrix(truth, found, classes) for found in maps])
