"""The label maps that evaluation reads, predictions of a split before and after the dense CRF; what they confuse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, ImageRow, check_ids
from boxsup.evaluation.truth import LabelMap, image_confusion, images_with_masks
from boxsup.machine.bars import tqdm
from boxsup.machine.workers import map_batches, useful_processes
from boxsup.store.labels import Labels

BATCH = 16  # images that a process gets at a time
SECONDS = 0.003  # for one of them
STACKS = ("labels", "labels_crf")  # before the dense CRF, and after it


def predicted_maps(
    predictions: Path, images: Sequence[ImageRow], classes: Sequence[str]
) -> Iterator[tuple[LabelMap, ...]]:
    """Yield the label maps of each image, H×W uint8, one per stack of `STACKS`.

    Raises:
        DataError: The predictions lack an image.
        StoreError: The predictions were made with classes other than `classes`.
    """
    stacks = [Labels(predictions, name) for name in STACKS]
    stacks[0].check_classes(classes)
    check_ids([row.image for row in images], stacks[0], str(predictions))
    return (tuple(stack[row.image] for stack in stacks) for row in images)


def predicted_confusions(
    predictions: Path, catalogue: Catalogue, workers: int, title: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sum confusion matrices of predictions over the split's images that have a true mask.

    Args:
        predictions: The store.
        catalogue: The split.
        workers: Number of processes; 1 works in this one. Results do not depend on it.
        title: Title of the progress bar.

    Returns:
        A C×(C+1) matrix for each of `STACKS`.

    Raises:
        DataError: No image has a true mask, the predictions lack an image, or a label map does not fit its mask.
        StoreError: The predictions were made with other classes than the split's.
    """
    images = images_with_masks(catalogue)
    predicted_maps(predictions, images, catalogue.classes)  # which checks that they belong together
    classes = len(catalogue.classes)
    sums = np.zeros((len(STACKS), classes, classes + 1), np.int64)
    useful = useful_processes(workers, len(images), SECONDS)
    batches = map_batches(_confusions_of, partial(_open, predictions, classes), images, BATCH, useful)
    with tqdm(total=len(images), desc=title, unit="image", disable=None) as bar:
        for counted, confusions in batches:
            sums += confusions
            bar.update(counted)
    return sums[0], sums[1]


def _open(predictions: Path, classes: int) -> tuple[list[Labels], int]:
    return [Labels(predictions, name) for name in STACKS], classes


def _confusions_of(opened: tuple[list[Labels], int], batch: Sequence[ImageRow]) -> tuple[int, NDArray[np.int64]]:
    """How many images there are, and their confusion matrices, one for each of `STACKS`."""
    stacks, classes = opened
    sums = np.zeros((len(stacks), classes, classes + 1), np.int64)
    for row in batch:
        truth = row.true_mask()
        sums += [image_confusion(row.image, truth, stack[row.image], classes) for stack in stacks]
    return len(batch), sums
