"""How good a generation of label maps is, as far as there are true masks to tell, and what it changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import ImageRow, InParts, corners_of
from boxsup.evaluation.boundaries import COUNTS, boundary_counts, measured_boundaries
from boxsup.evaluation.measured import Basis, measured_mean
from boxsup.evaluation.truth import image_confusion
from boxsup.image import VOID
from boxsup.labels.choice import UNFITTED, Chosen
from boxsup.machine.bars import tqdm
from boxsup.machine.workers import map_batches, useful_processes
from boxsup.store.labels import Labels

# The share of the boxes' pixels that is labelled. Objects of VOC fill 0.54 of their boxes (`train`, mean over images);
# the generations of a healthy run stay within a few hundredths of the first.
FILL_BOUNDS = (0.2, 0.9)
FILL_CHANGE = 0.25  # share of the first generation's fill, up or down
BATCH = 16  # images that a process gets at a time
SECONDS = 0.006  # for one of them
ALL_KEPT = "not measured: every image keeps its true mask"


@dataclass(frozen=True)
class Quality:
    """One generation's row of the quality table; shares and IoU in [0, 1], NaN if there is nothing to measure.

    Only images that boxes supervise are measured: an image that keeps its true mask is right by definition.

    Attributes:
        generation: Number of the generation, from 1.
        images: Number of box-supervised images with a true mask.
        miou: Mean IoU of the label maps of these images with their true masks, by the VOC protocol; see
            `measured_mean`.
        fill: Labelled foreground pixels divided by true foreground pixels, both without the truth's void; the mean over
            these images, as far as they have foreground. Below 1, objects are labelled too small.
        box_fill: Labelled foreground pixels divided by the pixels of the union of the supervising boxes; the mean over
            all box-supervised images that have such boxes. Needs no true masks.
        changed: Share of supervising boxes that chose another candidate than in the previous generation.
        rectangles: Share of supervising boxes that no candidate fits: they took their object map or their rectangle.
        boxes: Number of supervising boxes.
        warning: What is wrong with how much of the boxes is labelled, and what to try; empty if nothing is.
        objects: Number of objects in the images of `miou`, without crowds.
        classes: Number of classes in `miou`, without the background.
        note: Why `miou` is not measured; empty if it is.
        boundary_iou: Mean boundary IoU of the measured classes without the background, over the images of `miou`; see
            `boxsup.evaluation.boundaries`.
        boundary_f: Their mean boundary F.
    """

    generation: int
    images: int
    miou: float
    fill: float
    box_fill: float
    changed: float
    rectangles: float
    boxes: int
    warning: str = ""
    objects: int = 0
    classes: int = 0
    note: str = ""
    boundary_iou: float = float("nan")
    boundary_f: float = float("nan")

    def table(self) -> pd.DataFrame:
        """Return one row; the columns are in the order of the attributes."""
        return pd.DataFrame([asdict(self)], columns=[field.name for field in fields(self)])


def measure_generation(
    generation: int,
    split: InParts,
    labels: Path,
    true_mask: NDArray[np.bool_],
    chosen: NDArray[np.int32],
    previous: NDArray[np.int32] | None,
    workers: int = 1,
) -> Quality:
    """Measure a generation; a process has only one image in memory at a time.

    Args:
        generation: Number of the generation.
        split: N images and B boxes.
        labels: Store of the generation's label maps.
        true_mask: N, whether each image keeps its true mask.
        chosen: B, index of each box's candidate, or a value of `Chosen`.
        previous: `chosen` of the previous generation, or None for the first one.
        workers: Number of processes; 1 works in this one. Results do not depend on it.

    Raises:
        DataError: A true mask is unreadable or does not fit its labels.
    """
    supervising = chosen != Chosen.NOTHING
    classes, supervised = len(split.classes), int((~true_mask).sum())
    masked: Counter[str] = Counter()  # images with true masks, and objects in them
    compared = _compared(split, true_mask, supervising, masked)
    processes = useful_processes(workers, supervised, SECONDS)
    batches = map_batches(_measured, partial(_open, labels, classes), compared, BATCH, processes)
    sums = _nothing(classes)
    with tqdm(total=supervised, desc="label-quality", unit="image", disable=None) as bar:
        for images, counted in batches:
            sums = sums.with_more(counted)
            bar.update(images)
    changed = np.nan if previous is None else _mean((chosen != previous)[supervising])
    unfitted = _mean(np.isin(chosen[supervising], UNFITTED))
    basis = Basis(split.classes, sums.confusion.sum(axis=1), masked["images"], masked["objects"])
    fits = measured_boundaries(sums.boundaries, basis.pixels)
    return Quality(
        generation,
        images=basis.images,
        miou=measured_mean(sums.confusion),
        fill=_mean(sums.fills),
        box_fill=_mean(sums.box_fills),
        changed=changed,
        rectangles=unfitted,
        boxes=int(supervising.sum()),
        objects=basis.objects,
        classes=basis.counts["classes"],
        note=_note(basis, bool(supervised)),
        boundary_iou=float(fits["boundary_iou"][-1]),
        boundary_f=float(fits["boundary_f"][-1]),
    )


class _Compared(NamedTuple):
    """An image that boxes supervise, its row in the catalogue's table, and the corners of these boxes, B×4."""

    row: ImageRow
    corners: NDArray[np.int64]


class _Counted(NamedTuple):
    """What images add to the quality: confusion matrix, counts of outlines, and, as far as they have them, fills."""

    confusion: NDArray[np.int64]
    boundaries: NDArray[np.int64]
    fills: list[float]
    box_fills: list[float]

    def with_more(self, other: _Counted) -> _Counted:
        return _Counted(
            self.confusion + other.confusion,
            self.boundaries + other.boundaries,
            self.fills + other.fills,
            self.box_fills + other.box_fills,
        )


def _nothing(classes: int) -> _Counted:
    return _Counted(np.zeros((classes, classes + 1), np.int64), np.zeros((classes, len(COUNTS)), np.int64), [], [])


def _compared(
    split: InParts, true_mask: NDArray[np.bool_], supervising: NDArray[np.bool_], masked: Counter[str]
) -> Iterator[_Compared]:
    """The images that boxes supervise; in `masked`, counts those with a true mask, and the objects in them."""
    kept = iter(true_mask)
    for part in split.parts():
        for row in part.rows():
            if not next(kept):
                boxes = part.boxes_of(row.image)
                if row.mask:
                    masked.update(images=1, objects=int((boxes["crowd"] == 0).sum()))
                yield _Compared(row, corners_of(boxes[supervising[boxes.index]]))


def _open(labels: Path, classes: int) -> tuple[Labels, int]:
    return Labels(labels), classes


def _measured(opened: tuple[Labels, int], batch: Sequence[_Compared]) -> tuple[int, _Counted]:
    """How many images there are, and what they add."""
    labels, classes = opened
    counted = _nothing(classes)
    for row, corners in batch:
        label_map = labels[row.image]
        if len(corners):
            counted.box_fills.append(_foreground(label_map).sum() / union_of_boxes(label_map.shape, corners).sum())
        if row.mask:
            truth = row.true_mask()
            counted.confusion[:] += image_confusion(row.image, truth, label_map, classes)
            counted.boundaries[:] += boundary_counts(truth, label_map, classes)
            if _foreground(truth).any():
                counted.fills.append(_foreground(label_map)[truth != VOID].sum() / _foreground(truth).sum())
    return len(batch), counted


def _note(basis: Basis, supervised: bool) -> str:
    """Say why a generation's mean IoU is not measured; empty if it is."""
    if not supervised:
        return ALL_KEPT
    if not basis.images:
        return "not measured: no image that boxes supervise has a true mask"
    return basis.notes()[-1]


def collapse_warning(quality: Quality, first: float | None) -> str:
    """Return a warning if the labels of a generation shrink or grow implausibly; else an empty text.

    It needs no true masks: how much of their boxes the labels fill shows when a run collapses.

    Args:
        quality: Quality of the generation.
        first: `box_fill` of the run's first generation, which by default goes by the boxes alone; None for the first.
    """
    fill, (low, high) = quality.box_fill, FILL_BOUNDS
    if first is not None:
        low, high = max(low, (1 - FILL_CHANGE) * first), min(high, (1 + FILL_CHANGE) * first)
    if np.isnan(fill) or low <= fill <= high:
        return ""
    beside = "" if first is None else f", generation 1 filled {first:.2f}"
    what = f"generation {quality.generation} fills {fill:.2f} of its boxes{beside}: "
    if fill < low:
        return what + (
            "objects shrink, and the next network sees them smaller still; try a smaller update.lambda, a longer "
            "update.warmup or update.regression: agreement"
        )
    return what + (
        "objects grow into the background; try a greater update.leak, a smaller update.fallback_iou or "
        "update.regression: agreement"
    )


def union_of_boxes(shape: tuple[int, ...], corners: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return an H×W mask of all boxes.

    Args:
        shape: H, W.
        corners: B×4 half-open pixel corners x0, y0, x1, y1.

    Example:
        >>> union_of_boxes((1, 4), np.array([[0, 0, 1, 1], [2, 0, 4, 1]]))
        array([[ True, False,  True,  True]])
    """
    union = np.zeros(shape, bool)
    for x0, y0, x1, y1 in corners:
        union[y0:y1, x0:x1] = True
    return union


def _foreground(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((labels != 0) & (labels != VOID))


def _mean(values: NDArray[np.bool_] | list[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
