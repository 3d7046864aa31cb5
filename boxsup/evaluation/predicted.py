"""The label maps that evaluation reads, predictions of a split before and after the dense CRF, beside true masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, ImageRow, check_ids
from boxsup.evaluation.boundaries import COUNTS, boundary_counts
from boxsup.evaluation.measured import Basis
from boxsup.evaluation.tables import score_table
from boxsup.evaluation.truth import LabelMap, image_confusion
from boxsup.machine.bars import tqdm
from boxsup.machine.workers import map_batches, useful_processes
from boxsup.store.labels import PLAIN, REFINED, Labels

BATCH = 16  # images that a process gets at a time
SECONDS = 0.01  # for one of them
STACKS = (PLAIN, REFINED)


class Counted(NamedTuple):
    """What predictions are scored by: for each of STACKS what they confuse, and how their outlines fit.

    Attributes:
        confusions: S×C×(C+1) int64; see `boxsup.evaluation.confusion`.
        boundaries: S×C×7 int64; see `boxsup.evaluation.boundaries`.
    """

    confusions: NDArray[np.int64]
    boundaries: NDArray[np.int64]


# An image's id, its true mask, its label maps (one per stack of STACKS) and the number of classes -> its counts.
CountsOf = Callable[[str, LabelMap, Sequence[LabelMap], int], Sequence[NDArray[np.int64]]]


def nothing_counted(classes: int) -> Counted:
    """The counts of no image."""
    stacks = len(STACKS)
    return Counted(
        np.zeros((stacks, classes, classes + 1), np.int64), np.zeros((stacks, classes, len(COUNTS)), np.int64)
    )


def is_refined(predictions: Path) -> bool:
    """Whether a dense CRF refines predictions; without iterations, both of their stacks are the same."""
    return bool(Labels(predictions).attributes["crf"]["iterations"] > 0)


def sum_predicted(
    count: CountsOf,
    nothing: Sequence[NDArray[np.int64]],
    predictions: Path,
    catalogue: Catalogue,
    workers: int,
    title: str,
) -> Sequence[NDArray[np.int64]]:
    """Sum what is counted over the split's images that have a true mask.

    Args:
        count: Counts of one image, which add up over images. Worker processes get it by its name.
        nothing: The counts of no image.
        predictions: The store.
        catalogue: The split.
        workers: Number of processes; 1 works in this one. Results do not depend on it.
        title: Title of the progress bar.

    Raises:
        DataError: The predictions lack an image, or a label map does not fit its mask.
        StoreError: There are no predictions, or they were made with other classes than the split's.
    """
    images = [row for row in catalogue.rows() if row.mask]
    stored = Labels(predictions, STACKS[0])
    stored.check_classes(catalogue.classes)
    check_ids([row.image for row in images], stored, str(predictions))
    sums = nothing
    useful = useful_processes(workers, len(images), SECONDS)
    opening = partial(_Opened, count, predictions, len(catalogue.classes))
    with tqdm(total=len(images), desc=title, unit="image", disable=None) as bar:
        for images_of_batch, counted in map_batches(_counts_of, opening, images, BATCH, useful):
            sums = [total + new for total, new in zip(sums, counted, strict=True)]
            bar.update(images_of_batch)
    return sums


def count_predicted(predictions: Path, catalogue: Catalogue, workers: int, title: str) -> Counted:
    """Sum what scores are made of, with the arguments and errors of `sum_predicted`."""
    nothing = nothing_counted(len(catalogue.classes))
    return Counted(*sum_predicted(_scored, nothing, predictions, catalogue, workers, title))


def predicted_scores(counted: Counted, basis: Basis) -> pd.DataFrame:
    """The `score_table` of predictions: `iou`, `boundary_iou` and `boundary_f`, and the same after the CRF (`_crf`)."""
    without, with_crf = counted.confusions
    boundaries = dict(zip(("", "_crf"), counted.boundaries, strict=True))
    return score_table(basis, boundaries, iou=without, iou_crf=with_crf)


def _scored(image: str, truth: LabelMap, maps: Sequence[LabelMap], classes: int) -> Counted:
    return Counted(
        np.stack([image_confusion(image, truth, labels, classes) for labels in maps]),
        np.stack([boundary_counts(truth, labels, classes) for labels in maps]),
    )


class _Opened:
    """What a process needs of the predictions; it opens them itself."""

    def __init__(self, count: CountsOf, predictions: Path, classes: int) -> None:
        self.count, self.classes = count, classes
        self.stacks = [Labels(predictions, name) for name in STACKS]

    def counts(self, row: ImageRow) -> Sequence[NDArray[np.int64]]:
        return self.count(row.image, row.true_mask(), [stack[row.image] for stack in self.stacks], self.classes)


def _counts_of(opened: _Opened, batch: Sequence[ImageRow]) -> tuple[int, list[NDArray[np.int64]]]:
    """How many images there are, and the sums of their counts."""
    counted = zip(*map(opened.counts, batch), strict=True)
    return len(batch), [np.sum(arrays, axis=0) for arrays in counted]
