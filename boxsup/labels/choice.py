"""Which candidate each box activates, from what the candidates cost it (section 4.3 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from boxsup.config.update import UpdateSettings
from boxsup.labels.costs import Candidates, LogProbabilities, expectation, overlap_costs, regression_costs

RECORDED = 5  # candidates of a box that are kept at least, with their costs, for people to look at


class Chosen(IntEnum):
    """What a box used where it chose no candidate; stores hold it in place of the candidate's index."""

    RECTANGLE = -1  # its rectangle
    NOTHING = -2  # nothing: the box supervised no pixel
    SEGMENT = -3  # a mask that was made of the box once and never changes (GrabCut, Bbox-Seg)


@dataclass(frozen=True)
class Choice:
    """What one box activates.

    Attributes:
        chosen: Index of the candidate, or Chosen.RECTANGLE, or Chosen.NOTHING.
        best: The k best candidates, RECORDED at least, best first; empty where none was weighed.
        overlap: E_o of each of `best`.
        regression: E_r of each of `best`; zeros where the network was not asked.
        expected_iou: IoU that each of `best` is expected to have with the object, see `ranking`.
    """

    chosen: int
    best: NDArray[np.int64]
    overlap: NDArray[np.float64]
    regression: NDArray[np.float64]
    expected_iou: NDArray[np.floating]

    @classmethod
    def without_candidate(cls, chosen: int) -> Choice:
        """The choice of Chosen.RECTANGLE or of Chosen.NOTHING."""
        return cls(chosen, np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0))


def choose(
    candidates: Candidates,
    log_probabilities: LogProbabilities | None,
    settings: UpdateSettings,
    generators: Sequence[np.random.Generator],
) -> list[Choice]:
    """Each box's candidate: a uniform draw from its k best (`ranking`) by the costs E_o + λ E_r.

    Args:
        candidates: Of the image, N.
        log_probabilities: 1 + B of H×W natural logarithms: of the background, then of each box's label; or None to
            go by overlap alone.
        settings: See `config.yaml`, `defaults.update`.
        generators: One a box, so that no box's draw depends on another's.

    Returns:
        B choices; Chosen.RECTANGLE where no candidate's tight box reaches `fallback_iou`. Equals are ranked by the
        candidates' order in the pool.
    """
    if not candidates.iou.size:
        return [Choice.without_candidate(Chosen.RECTANGLE) for _ in generators]
    overlap = overlap_costs(candidates, settings)
    regression = np.zeros_like(overlap)
    if log_probabilities is not None:
        regression = regression_costs(log_probabilities, candidates, overlap, settings)
    ranks, expected = ranking(candidates, overlap + settings.lambda_ * regression, settings)
    choices = []
    for row, random in enumerate(generators):
        if candidates.iou[row].max() < settings.fallback_iou:
            choices.append(Choice.without_candidate(Chosen.RECTANGLE))
            continue
        best = ranks[row, : recorded(settings)]
        chosen = int(best[random.integers(min(settings.k, len(best)))])
        choices.append(Choice(chosen, best, overlap[row, best], regression[row, best], expected[row, best]))
    return choices


def recorded(settings: UpdateSettings) -> int:
    """How many of a box's best candidates are kept with their costs: the k that it draws from, and runners-up."""
    return max(settings.k, RECORDED)


def ranking(
    candidates: Candidates, costs: NDArray[np.float64], settings: UpdateSettings
) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Each box's candidates from the best to the worst.

    At `temperature` 0 the best are those of least cost, as in the paper. Above it they are those of the greatest
    expected IoU, with each candidate taken for the object with a probability that falls with its cost, P(S) ∝
    exp(-cost(S) / temperature): the choice of minimum Bayes risk. The cheapest candidate is often odd in what the costs
    do not see; what many cheap ones have in common is not. (The IoU with the expectation stands for the expectation of
    the IoU, which would need all pairs.)

    Args:
        candidates: Of the image, N.
        costs: B×N.
        settings: `temperature`.

    Returns:
        B×N indices of candidates, equals in the order of the pool; and B×N expected IoU of each candidate.
    """
    expected = candidates.soft_iou(expectation(candidates, costs, settings))
    return np.argsort(costs if settings.temperature == 0 else -expected, axis=1, kind="stable"), expected
