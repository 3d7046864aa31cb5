"""The tables of a generation: what each box of the catalogue chose, its best candidates, and what they cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.image.packed import PackedMask
from boxsup.image.runs import runs_of
from boxsup.labels.choice import Choice, Chosen
from boxsup.store.labels import Labels

SHARPENED = "sharpened"  # the stored runs
NO_PIXELS = np.zeros(0, np.uint8)
COSTS = ("overlap_cost", "regression_cost", "object_cost", "expected_iou")  # what is known of each of the best


class ChoiceTables:
    """Collects choices into a generation's tables, which have one row per box of the catalogue."""

    def __init__(self, boxes: int, k: int) -> None:
        """Start with Chosen.NOTHING for every box; `k` candidates are recorded per box."""
        self.chosen = np.full(boxes, Chosen.NOTHING, np.int32)
        self.best = np.full((boxes, k), -1, np.int32)
        self.overlap_cost = np.full((boxes, k), np.nan, np.float32)
        self.regression_cost = np.full((boxes, k), np.nan, np.float32)
        self.object_cost = np.full((boxes, k), np.nan, np.float32)
        self.expected_iou = np.full((boxes, k), np.nan, np.float32)
        self._sharpened = [NO_PIXELS] * boxes

    def record(self, row: int, choice: Choice, sharpened: PackedMask | None = None) -> None:
        """Record the choice of the box in this row of the catalogue's table of boxes, and its sharpened segment."""
        if sharpened is not None:
            self._sharpened[row] = np.frombuffer(runs_of(sharpened)["counts"].encode("ascii"), np.uint8)
        k = len(choice.best)
        self.chosen[row] = choice.chosen
        self.best[row, :k] = choice.best
        self.overlap_cost[row, :k] = choice.overlap
        self.regression_cost[row, :k] = choice.regression
        self.object_cost[row, :k] = choice.object
        self.expected_iou[row, :k] = choice.expected_iou

    def arrays(self) -> dict[str, NDArray[np.int32] | NDArray[np.float32]]:
        """Return the tables by the names under which they are stored."""
        return {name: values for name, values in vars(self).items() if not name.startswith("_")}

    def runs(self) -> list[NDArray[np.uint8]]:
        """Return COCO's compressed runs of each box's sharpened segment in its image, ASCII; none for other boxes."""
        return self._sharpened


def cost_names(generation: Labels) -> list[str]:
    """Return the names of the tables of COSTS that say something: E_b does not where boxes chose by no object maps."""
    return [name for name in COSTS if name != "object_cost" or generation.attributes.get("objects")]


def chosen_ranks(chosen: NDArray[np.integer], best: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the rank of what each box chose among its best candidates.

    Args:
        chosen: B, index of a candidate or a value of `Chosen`.
        best: B×k candidates, best first, padded with -1.

    Returns:
        B ranks from 0; -1 for boxes that chose no candidate.

    >>> chosen_ranks(np.array([4, Chosen.RECTANGLE]), np.array([[7, 4], [7, -1]]))
    array([ 1, -1])
    """
    found = (best == chosen[:, None]) & (best >= 0)
    return np.where(found.any(axis=1), found.argmax(axis=1), -1)


def at_chosen(
    chosen: NDArray[np.integer], best: NDArray[np.integer], values: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Read values of the best candidates, B×k, at the one that each box chose; see `chosen_ranks`.

    Returns:
        B values; NaN for boxes that chose no candidate.
    """
    ranks = chosen_ranks(chosen, best)
    found = np.full(len(chosen), np.nan, np.float32)
    rows = np.flatnonzero(ranks >= 0)
    found[rows] = values[rows, ranks[rows]]
    return found


def of_chosen(generation: Labels, name: str) -> NDArray[np.float64]:
    """Read a table of COSTS at the candidate that each box chose; see `at_chosen`."""
    chosen, best = generation.table("chosen"), generation.table("best")
    return at_chosen(chosen, best, generation.table(name)).astype(np.float64)
