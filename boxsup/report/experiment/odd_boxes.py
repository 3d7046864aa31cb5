"""The boxes that are worth a person's look, told without any true mask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest

import numpy as np
from numpy.typing import NDArray

from boxsup.labels.choice import Chosen

COUNT = 24
DOUBTFUL = 0.5  # expected IoU of the chosen segment below which it is worth a look
LOOSE = 0.35  # share of the box that the labels' own box spans, the same
RESTLESS = 1 / 3  # share of the updates that chose another segment, above which it is, the same
WITHOUT_CANDIDATE: dict[int, str] = {
    Chosen.RECTANGLE: "its rectangle",
    Chosen.NOTHING: "supervised nothing",
    Chosen.SEGMENT: "a segment made of it",
}


@dataclass(frozen=True)
class Evidence:
    """What is known of the B boxes of a training split.

    Attributes:
        chosen: G×B int, what each box chose in each generation, as the stores have it: -1 is its rectangle.
        expected: B, the IoU with the object that is expected of the last choice, in [0, 1]; NaN where none is.
        spanned: B, share of the box that the box around its labels covers in the last generation, in [0, 1]; NaN of
            boxes that supervise nothing.
        areas: B, of the boxes in pixels.
        drawn: Whether the choice is a draw from several candidates: then it changes by chance.
    """

    chosen: NDArray[np.int32]
    expected: NDArray[np.floating]
    spanned: NDArray[np.floating]
    areas: NDArray[np.integer]
    drawn: bool


def odd_boxes(evidence: Evidence, count: int = COUNT) -> dict[int, list[str]]:
    """At most `count` boxes, each kind of oddness in turn, the oddest of each first.

    Returns:
        Row of the box -> what is odd about it, a phrase each.
    """
    updates = len(evidence.chosen) - 1
    changes = (evidence.chosen[1:] != evidence.chosen[:-1]).sum(axis=0)
    supervising = ~np.isnan(evidence.spanned)
    rectangle = supervising & (evidence.chosen[-1] == Chosen.RECTANGLE)
    rectangle &= (rectangle != supervising).any()  # where rectangles are all there is none is odd
    # Which boxes; how odd, the oddest first by rising numbers; what to say.
    kinds: list[tuple[NDArray[np.bool_], NDArray[np.generic], Callable[[int], str]]] = [
        (rectangle, -evidence.areas, lambda row: "nothing fits it: its rectangle is labelled"),
        (evidence.expected < DOUBTFUL, evidence.expected, lambda row: f"expected IoU {evidence.expected[row]:.2f}"),
        (
            supervising & ~rectangle & (evidence.spanned < LOOSE),
            evidence.spanned,
            lambda row: f"its labels span {100 * evidence.spanned[row]:.0f} % of it: too loose, or covered, or missed",
        ),
        (
            supervising & (updates > 0) & (not evidence.drawn) & (changes > RESTLESS * updates),
            -changes,
            lambda row: f"another segment in {changes[row]} of {updates} updates",
        ),
    ]
    ranked = [_ranked(where, oddness) for where, oddness, _ in kinds]
    turns = (row for turn in zip_longest(*ranked) for row in turn if row is not None)
    rows = islice(dict.fromkeys(turns), count)
    return {row: [say(row) for where, _, say in kinds if where[row]] for row in rows}


def _ranked(where: NDArray[np.bool_], oddness: NDArray[np.generic]) -> Iterator[int]:
    rows = np.flatnonzero(where)
    return iter(rows[np.argsort(oddness[rows], kind="stable")].tolist())
