"""Which candidate each box chooses, given what the candidates cost it (section 4.3 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from boxsup.config.update import UpdateSettings
from boxsup.labels.candidates import Candidates, LogProbabilities
from boxsup.labels.costs import distances, expectation, overlap_costs, regression_costs
from boxsup.labels.soft_masks import corrected_masks, object_masks
from boxsup.objects.maps import object_pixels
from boxsup.proposals.pool import Pool

MIN_RECORDED = 5  # candidates recorded per box with their costs, at least, for people to look at


class Chosen(IntEnum):
    """What a box used if it chose no candidate; stores hold this number in place of the candidate's index."""

    RECTANGLE = -1  # its rectangle: no candidate fits
    NOTHING = -2  # nothing: the box labels no pixel
    SEGMENT = -3  # a mask that is no candidate: GrabCut's, Bbox-Seg's, or one that a person decided on
    MAP = -4  # what its object map sees (`boxsup.objects.maps.object_pixels`): no candidate fits


UNFITTED = (Chosen.RECTANGLE, Chosen.MAP)  # what a box takes that no candidate fits


@dataclass(frozen=True)
class Choice:
    """What one box chose.

    Attributes:
        chosen: Index of the candidate, or Chosen.MAP, Chosen.RECTANGLE or Chosen.NOTHING.
        best: The k best candidates, at least MIN_RECORDED, best first; empty if no candidate was weighed.
        overlap: E_o of each candidate in `best`.
        regression: E_r of each candidate in `best`; zeros if the network was not asked.
        object: E_b of each candidate in `best`; zeros without object maps.
        expected_iou: Expected IoU of each candidate in `best` with the object; see `ranking`.
        claim: R values in [0, 1]: how surely each superpixel is the object, by the expectation of the candidates and,
            if there is one, by the object map; None if no candidate was weighed.
        shares: R values in [0, 1]: the expectation of the candidates alone (`boxsup.labels.costs.expectation`).
        where: R values in [0, 1]: where the semantic network sees the class (`boxsup.labels.soft_masks.soft_masks`);
            None if it made no such mask.
    """

    chosen: int
    best: NDArray[np.int64]
    overlap: NDArray[np.float64]
    regression: NDArray[np.float64]
    object: NDArray[np.float64]
    expected_iou: NDArray[np.floating]
    claim: NDArray[np.float32] | None = None
    shares: NDArray[np.float32] | None = None
    where: NDArray[np.float32] | None = None

    @property
    def rank(self) -> int:
        """The place of the chosen candidate in `best`."""
        return int(np.flatnonzero(self.best == self.chosen)[0])

    @classmethod
    def without_candidate(cls, chosen: int) -> Choice:
        """Make the choice of Chosen.MAP, Chosen.RECTANGLE or Chosen.NOTHING."""
        return cls(chosen, np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))


def chosen_pixels(
    chosen: int, box: Sequence[int] | NDArray[np.integer], pool: Pool | None, seen: NDArray[np.uint8] | None
) -> NDArray[np.bool_]:
    """Return which pixels of a box are in what it chose.

    Args:
        chosen: Index of its candidate, Chosen.MAP or Chosen.RECTANGLE.
        box: Its half-open pixel corners.
        pool: The candidates of the image; needed if it chose one.
        seen: s×s, its object map; needed if it took what this sees.

    Returns:
        h×w; all of them for a rectangle.

    Raises:
        ValueError: What it chose from is not there.

    >>> chosen_pixels(Chosen.MAP, (0, 0, 2, 1), None, np.array([[0, 255], [0, 255]], np.uint8))
    array([[False,  True]])
    """
    x0, y0, x1, y1 = map(int, box)
    if chosen == Chosen.RECTANGLE:
        return np.ones((y1 - y0, x1 - x0), np.bool_)
    if chosen == Chosen.MAP and seen is not None:
        return object_pixels(seen, np.array([x0, y0, x1, y1]))
    if chosen >= 0 and pool is not None:
        return pool.mask(chosen, np.s_[y0:y1, x0:x1])
    raise ValueError(f"a box of the choice {chosen} without what it chose from has no pixels")


def choose(
    candidates: Candidates,
    log_probabilities: LogProbabilities | None,
    settings: UpdateSettings,
    generators: Sequence[np.random.Generator],
    maps: NDArray[np.uint8] | None = None,
    generation: int = 1,
) -> list[Choice]:
    """Choose each box's candidate: a uniform draw from its k best (see `ranking`) by the costs E_o + λ E_r + μ E_b.

    With `settings.correction`, where there are both networks, λ E_r + μ E_b is (λ + μ) times the distance from the mask
    that joins theirs (`corrected_masks`).

    Args:
        candidates: The N candidates of the image.
        log_probabilities: 1 + B arrays H×W of natural logarithms: of the background, then of each box's class. None:
            no network is asked.
        settings: See `config.yaml`, `defaults.update`.
        generators: One per box, so that no box's draw depends on another's.
        maps: B×s×s object maps; see `object_costs`. None: E_b is 0.
        generation: Number of the generation, from 1, for `settings.correction`.

    Returns:
        B choices. If no candidate's tight box reaches `fallback_iou`, it is Chosen.MAP where the object map sees
        something, else Chosen.RECTANGLE. Ties keep the order of the pool.
    """
    if not candidates.iou.size:
        return [_fallback(candidates, row, maps) for row in range(len(generators))]
    overlap = overlap_costs(candidates, settings)
    regression, where = np.zeros_like(overlap), None
    if log_probabilities is not None:
        regression, where = regression_costs(log_probabilities, candidates, overlap, settings)
    seen = None if maps is None else object_masks(candidates, maps)
    objects = np.zeros_like(overlap) if seen is None else distances(candidates, seen)
    costs = overlap + settings.lambda_ * regression + settings.mu * objects
    if settings.correction and where is not None and seen is not None:
        seen = corrected_masks(where, seen, settings.correction.weight(generation))
        costs = overlap + (settings.lambda_ + settings.mu) * distances(candidates, seen)
    shares = expectation(candidates, costs, settings)
    ranks, expected = ranking(candidates, costs, shares, settings)
    claims = shares if seen is None else shares * seen
    choices = []
    for row, random in enumerate(generators):
        if candidates.iou[row].max() < settings.fallback_iou:
            choices.append(_fallback(candidates, row, maps))
            continue
        best = ranks[row, : recorded_count(settings)]
        chosen = int(best[random.integers(min(settings.k, len(best)))])
        terms = (overlap[row, best], regression[row, best], objects[row, best])
        own_where = None if where is None else where[row]
        choices.append(Choice(chosen, best, *terms, expected[row, best], claims[row], shares[row], own_where))
    return choices


def _fallback(candidates: Candidates, row: int, maps: NDArray[np.uint8] | None) -> Choice:
    """What a box takes that no candidate fits."""
    sees = maps is not None and object_pixels(maps[row], candidates.boxes[row]).any()
    return Choice.without_candidate(Chosen.MAP if sees else Chosen.RECTANGLE)


def recorded_count(settings: UpdateSettings) -> int:
    """Return how many of a box's best candidates are recorded: the k that it draws from, and some runners-up.

    >>> [recorded_count(UpdateSettings.model_construct(k=k)) for k in (1, 8)]
    [5, 8]
    """
    return max(settings.k, MIN_RECORDED)


def ranking(
    candidates: Candidates, costs: NDArray[np.float64], shares: NDArray[np.float32], settings: UpdateSettings
) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Rank each box's candidates from best to worst.

    At `temperature` 0 the cheapest candidate is the best, as in the paper. Above 0 it is the candidate with the
    greatest expected IoU (minimum Bayes risk), where candidate S is the object with a probability that falls with its
    cost, P(S) ∝ exp(-cost(S) / temperature). The cheapest candidate is often odd in a way that the costs do not see;
    what many cheap candidates share is not. (We take the IoU with the expectation in place of the expectation of the
    IoU, which would need all pairs.)

    Args:
        candidates: The N candidates of the image.
        costs: B×N costs.
        shares: B×R expectation of the candidates by these costs; see `boxsup.labels.costs.expectation`.
        settings: `temperature` is used.

    Returns:
        B×N indices of candidates, ties in the order of the pool; and B×N expected IoU of each candidate.

    Example:
        >>> halves = np.array([[0, 0, 1, 1], [1, 0, 2, 1]])  # candidates and boxes
        >>> two = Candidates(np.array([[0, 1]]), np.eye(2, dtype=np.float32), halves, halves, np.eye(2))
        >>> costs, paper = np.array([[0.5, 0.1], [0.2, 0.3]]), UpdateSettings.model_construct(temperature=0)
        >>> ranking(two, costs, expectation(two, costs, paper), paper)[0]
        array([[1, 0],
               [0, 1]])
    """
    expected = candidates.soft_iou(shares)
    return np.argsort(costs if settings.temperature == 0 else -expected, axis=1, kind="stable"), expected
