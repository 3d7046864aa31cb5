"""A generation: the label maps that one epoch trains on, one image at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import corners_of
from boxsup.config.update import UpdateSettings
from boxsup.errors import DataError
from boxsup.image import VOID
from boxsup.image.boxes import box_blocks, box_iou
from boxsup.image.packed import LazySequence
from boxsup.labels.choice import Choice, Chosen, choose
from boxsup.labels.costs import Candidates
from boxsup.labels.painting import paint
from boxsup.proposals.pool import Pool
from boxsup.random import generator

LOOKED_AT = 8  # of so many candidates, the overlaps of one are worked out again: whether they are of these boxes


class Scores(Protocol):
    """What the update asks of a network."""

    def __call__(self, image: str, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log-probabilities of `labels` at every pixel of an image, len(labels)×H×W."""


@dataclass(frozen=True)
class ImageLabels:
    """The labels of one image and how its boxes came to them.

    Attributes:
        labels: H×W uint8.
        choices: One a box, in the order of the catalogue.
    """

    labels: NDArray[np.uint8]
    choices: list[Choice]


@dataclass(frozen=True)
class Update:
    """Labels of box-supervised images by the method's update.

    Attributes:
        pools: Candidates by image.
        overlaps: B×N IoU tables by image.
        scores: The network after the epoch before, or None to go by overlap alone.
        settings: The update's choices.
        seed: Of the experiment.
        generation: Number of the generation, from 1.
    """

    pools: Mapping[str, Pool]
    overlaps: Mapping[str, NDArray[np.float32]]
    scores: Scores | None
    settings: UpdateSettings
    seed: int
    generation: int

    def labels(self, image: str, height: int, width: int, boxes: pd.DataFrame) -> ImageLabels:
        """Let each box of an image choose its candidate, and paint what was chosen."""
        if boxes.empty:
            return ImageLabels(np.zeros((height, width), np.uint8), [])
        pool = self.pools[image]
        corners, labels = corners_of(boxes), boxes["label"].to_numpy(np.int64)
        _check(image, (height, width), pool, corners, self.overlaps[image])
        supervising, void = _roles(boxes, self.settings)
        rows = np.flatnonzero(supervising)
        chosen = iter(self._choose(image, pool, rows, corners[rows], labels[rows]))
        choices = [next(chosen) if use else Choice.without_candidate(Chosen.NOTHING) for use in supervising]
        shown = np.flatnonzero(supervising | void)
        chosen_ones = [choices[row].chosen for row in shown]
        masks = LazySequence(lambda candidate: pool.mask(candidate) if candidate >= 0 else None, chosen_ones)
        painted = paint(height, width, corners[shown], np.where(void, VOID, labels)[shown], masks, self.settings.clip)
        return ImageLabels(painted, choices)

    def _choose(
        self,
        image: str,
        pool: Pool,
        rows: NDArray[np.intp],
        corners: NDArray[np.int64],
        labels: NDArray[np.int64],
    ) -> list[Choice]:
        if not len(rows):
            return []
        scores, layers = None, np.zeros(len(rows), np.intp)
        if self.scores is not None:
            present, of_background = np.unique(np.concatenate(([0], labels)), return_inverse=True)
            scores, layers = self.scores(image, present), of_background[1:]
        members, iou = pool.matrix().astype(np.float32), self.overlaps[image][rows]
        choices = []
        for block in box_blocks(len(rows)):
            candidates = Candidates(pool.superpixels, members, pool.boxes, corners[block], iou[block])
            # No copies of scores: boxes are many, labels few.
            asked = None if scores is None else [scores[0], *(scores[layer] for layer in layers[block])]
            draws = [generator(self.seed, "update", self.generation, image, int(row)) for row in rows[block]]
            choices += choose(candidates, asked, self.settings, draws)
        return choices


class ChoiceTables:
    """Collects choices for a generation's tables, whose rows are the boxes of the catalogue."""

    def __init__(self, boxes: int, k: int) -> None:
        """Every box supervises nothing (Chosen.NOTHING) until it is recorded."""
        self.chosen = np.full(boxes, Chosen.NOTHING, np.int32)
        self.best = np.full((boxes, k), -1, np.int32)
        self.overlap_cost = np.full((boxes, k), np.nan, np.float32)
        self.regression_cost = np.full((boxes, k), np.nan, np.float32)
        self.expected_iou = np.full((boxes, k), np.nan, np.float32)

    def record(self, row: int, choice: Choice) -> None:
        """Enter the choice of the box at `row` of the catalogue's boxes."""
        k = len(choice.best)
        self.chosen[row] = choice.chosen
        self.best[row, :k] = choice.best
        self.overlap_cost[row, :k] = choice.overlap
        self.regression_cost[row, :k] = choice.regression
        self.expected_iou[row, :k] = choice.expected_iou

    def arrays(self) -> dict[str, NDArray[np.int32] | NDArray[np.float32]]:
        """The tables by the names under which they are stored."""
        return vars(self)


def _check(
    image: str, size: tuple[int, int], pool: Pool, corners: NDArray[np.int64], overlaps: NDArray[np.float32]
) -> None:
    """Raise a DataError unless candidates are of an image of this size, and overlaps of these boxes with them."""
    if pool.superpixels.shape != size:
        got, expected = ("×".join(map(str, shape)) for shape in (pool.superpixels.shape, size))
        raise DataError(f"{image}: its proposals are of {got} pixels, and the image has {expected}; make them again")
    if overlaps.shape != (len(corners), len(pool)) or not np.array_equal(
        overlaps[:, ::LOOKED_AT], box_iou(corners, pool.boxes[::LOOKED_AT])
    ):
        raise DataError(
            f"{image}: its overlaps are of other boxes or proposals; make them again with `boxsup overlaps`"
        )


def _roles(boxes: pd.DataFrame, settings: UpdateSettings) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which boxes choose a candidate, and which are void; a box may be neither."""
    crowd = boxes["crowd"].to_numpy() > 0
    difficult = boxes["difficult"].to_numpy() > 0
    supervising = ~crowd & ~(difficult & (settings.difficult != "use"))
    void = crowd | (difficult & (settings.difficult == "void"))
    return supervising, void
