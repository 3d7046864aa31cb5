"""DeepLab's search for the weights of the dense CRF, coarse to fine (Chen et al., ICLR 2015, section 4.1).

The appearance kernel's weight w1 and its standard deviations σα (position) and σβ (colour) are tried on a grid, then
around the best point with finer steps; the CRF's other settings stay as they are. The workers that run this module do
not load torch.
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

DECIMALS = 6  # of a value: enough to halve steps, and few enough that rounding errors make no second value


class Point(NamedTuple):
    """The searched values w1, σα and σβ, by their names in `CrfSettings`."""

    bilateral_weight: float
    bilateral_xy: float
    bilateral_rgb: float


def search_rounds(
    search: CrfSearchSettings, score: Callable[[int, Sequence[Point]], Sequence[float]]
) -> Iterator[tuple[int, list[Point], dict[Point, float]]]:
    """Search coarse to fine, until the rounds are done or no point is left to try.

    Args:
        search: The values of the first round, and the number of rounds.
        score: Called with the number of a round and its points; returns the score of each point.

    Yields:
        For each round its number, from 1, its points, and the scores of all points so far, in the order tried.
    """
    scores: dict[Point, float] = {}
    points, steps = first_round(search)
    for number in range(1, search.rounds + 1):
        scores |= zip(points, score(number, points), strict=True)
        yield number, points, scores
        points, steps = next_round(best_point(scores), steps, scores)
        if not points:
            return


def first_round(search: CrfSearchSettings) -> tuple[list[Point], Point]:
    """Return the points of the first round, all combinations of the values, and the least step of each value.

    >>> values = {"bilateral_weight": (5, 10), "bilateral_xy": (50, 60), "bilateral_rgb": (3, 4)}
    >>> points, steps = first_round(CrfSearchSettings(rounds=2, **values))
    >>> len(points), steps.bilateral_xy
    (8, 10.0)
    """
    values = [sorted(getattr(search, name)) for name in Point._fields]
    points = [Point(*combination) for combination in product(*values)]
    return points, Point(*(float(np.diff(kind).min()) for kind in values))


def next_round(best: Point, steps: Point, tried: Collection[Point]) -> tuple[list[Point], Point]:
    """Return the points of the next round, around the best so far, and their steps.

    Each value goes half a step down and up. If it is the least or the greatest value tried so far, the best may lie
    beyond it: then it goes a whole step, as long as it stays positive. So the search can leave its first ranges.

    Args:
        best: The best point of `tried`.
        steps: Steps of the previous round.
        tried: All points so far.

    Returns:
        All combinations that have not been tried yet, and the steps.

    Example:
        >>> points, steps = next_round(Point(4, 20, 2), Point(2, 10, 1), [Point(w, 20, 2) for w in (2, 4, 6)])
        >>> sorted({point.bilateral_weight for point in points})
        [3.0, 4.0, 5.0]
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


def best_point(scores: dict[Point, float]) -> Point:
    """Return the point with the highest score; of equal ones, the one that was tried first.

    >>> best_point({Point(5, 50, 3): 0.5, Point(5, 60, 3): 0.75}).bilateral_xy
    60
    """
    return max(scores, key=scores.__getitem__)


def confusions_at(
    image: NDArray[np.uint8],
    log_probabilities: NDArray[np.float32],
    class_ids: NDArray[np.intp],
    truth: NDArray[np.uint8],
    settings: Sequence[CrfSettings],
    classes: int,
) -> NDArray[np.int64]:
    """Compute one image's confusion matrix under each of several settings of the CRF.

    Args:
        image: H×W×3 uint8 RGB.
        log_probabilities: L×H×W float32, of the L classes that enter the CRF.
        class_ids: These L classes; see `boxsup.inference.crf.relevant_labels`.
        truth: H×W uint8, 255 for void.
        settings: P settings of the CRF.
        classes: C, background included.

    Returns:
        P×C×(C+1); see `confusion_matrix`.
    """
    maps = (refine_labels(image, log_probabilities, class_ids, crf) for crf in settings)
    return np.stack([confusion_matrix(truth, labels, classes) for labels in maps])
