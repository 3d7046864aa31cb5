"""Which boxes a person should look at, found without any true mask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest

import numpy as np
from numpy.typing import NDArray

from boxsup.labels.choice import UNFITTED, Chosen

COUNT = 24
# A box is worth a look when
DOUBTFUL = 0.5  # the expected IoU of its segment is below this,
LOOSE = 0.35  # the box around its labels covers less than this share of it,
RESTLESS = 1 / 3  # or more than this share of the updates chose another candidate.
WITHOUT_CANDIDATE: dict[int, str] = {
    Chosen.RECTANGLE: "no candidate fits: its rectangle is used",
    Chosen.MAP: "no candidate fits: what its object map sees is used",
    Chosen.NOTHING: "not used in training",
    Chosen.SEGMENT: "a mask that it did not choose: reviewed, or made from the box alone",
}


@dataclass(frozen=True)
class BoxHistory:
    """What happened to the B boxes of a training split over G generations.

    Attributes:
        chosen: G×B int, what each box chose in each generation: the index of a candidate or a value of `Chosen`.
        expected: B, expected IoU of the last choice with the object, in [0, 1]; NaN if no candidate was chosen.
        spanned: B, share of the box that the tight box around its labels covers in the last generation, in [0, 1];
            NaN for boxes that supervise nothing, or whose mask a person decided on.
        areas: B, areas of the boxes in pixels.
        drawn: Whether each choice is a random draw from several candidates and therefore changes by chance.
    """

    chosen: NDArray[np.int32]
    expected: NDArray[np.floating]
    spanned: NDArray[np.floating]
    areas: NDArray[np.integer]
    drawn: bool


def odd_boxes(history: BoxHistory, count: int = COUNT) -> dict[int, list[str]]:
    """At most `count` boxes that are worth a look: the oddest of each kind, then the second of each kind, and so on.

    Returns:
        For each box, by its row in the catalogue, phrases that say what is odd about it.
    """
    updates = len(history.chosen) - 1
    changes = (history.chosen[1:] != history.chosen[:-1]).sum(axis=0)
    supervising = ~np.isnan(history.spanned)
    unfitted = supervising & np.isin(history.chosen[-1], UNFITTED)
    unfitted &= (unfitted != supervising).any()  # if no candidate fits any box, none of them is odd
    # Which boxes are odd; a number that is lowest for the oddest; the phrase.
    kinds: list[tuple[NDArray[np.bool_], NDArray[np.generic], Callable[[int], str]]] = [
        (unfitted, -history.areas, lambda row: WITHOUT_CANDIDATE[int(history.chosen[-1, row])]),
        (
            history.expected < DOUBTFUL,
            history.expected,
            lambda row: f"expected to fit badly: IoU {history.expected[row]:.2f}",
        ),
        (
            supervising & ~unfitted & (history.spanned < LOOSE),
            history.spanned,
            lambda row: f"its labels span only {100 * history.spanned[row]:.0f} % of it: loose, covered, or missed",
        ),
        (
            supervising & (updates > 0) & (not history.drawn) & (changes > RESTLESS * updates),
            -changes,
            lambda row: f"it chose another candidate in {changes[row]} of {updates} updates",
        ),
    ]
    ranked = [_ranked(odd, oddness) for odd, oddness, _ in kinds]
    turns = (row for turn in zip_longest(*ranked) for row in turn if row is not None)
    rows = islice(dict.fromkeys(turns), count)
    return {row: [phrase(row) for odd, _, phrase in kinds if odd[row]] for row in rows}


def _ranked(odd: NDArray[np.bool_], oddness: NDArray[np.generic]) -> Iterator[int]:
    """The rows of the odd boxes, the oddest first."""
    rows = np.flatnonzero(odd)
    return iter(rows[np.argsort(oddness[rows], kind="stable")].tolist())
