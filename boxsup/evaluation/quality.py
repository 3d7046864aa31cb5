"""How good a generation of pseudo-masks is, as far as true masks are there to tell, and what it changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.tables import Catalogue, corners_of
from boxsup.evaluation.measured import Basis, basis_of, measured_mean
from boxsup.evaluation.truth import confusion_of
from boxsup.image import VOID
from boxsup.image.files import read_mask
from boxsup.labels.choice import Chosen

# Of the boxes' pixels labelled. Objects of VOC fill 0.54 of theirs (`train`, the mean over images), generations of a
# healthy run stay within a few hundredths of the first.
FILL_BOUNDS = (0.2, 0.9)
FILL_CHANGE = 0.25  # of the first generation's, either way
KEPT = "not measured: every image keeps its true mask"


@dataclass(frozen=True)
class Quality:
    """One generation's row of the quality table; shares and IoU in [0, 1], NaN where there is nothing to measure.

    Only images that the boxes supervise are measured: an image that keeps its true mask is right by definition.

    Attributes:
        generation: Its number, from 1.
        images: Box-supervised images that have a true mask in the catalogue.
        miou: Label maps of these images against their true masks, by the VOC protocol; see `measured_mean`.
        fill: Labelled over true foreground pixels, void of the truth left out of both: the mean over these images, as
            far as they have foreground. Below 1 objects are labelled too small.
        box_fill: Labelled foreground over the union of the supervising boxes, in pixels: the mean over all
            box-supervised images that have such boxes. Needs no truth.
        changed: Share of supervising boxes whose chosen candidate is another than in the previous generation.
        rectangles: Share of supervising boxes that fell back to their rectangle.
        boxes: Number of supervising boxes.
        warning: What is wrong with how much of the boxes is labelled, and what to try; empty where nothing is.
        objects: Annotated in the images that `miou` is over, crowds left out.
        classes: That `miou` is over, the background left out.
        note: Why `miou` is not measured; empty where it is.
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

    def table(self) -> pd.DataFrame:
        """One row, columns in the order of the attributes."""
        return pd.DataFrame([asdict(self)], columns=[field.name for field in fields(self)])


def measure(
    generation: int,
    catalogue: Catalogue,
    labels: Mapping[str, NDArray[np.uint8]],
    true_mask: NDArray[np.bool_],
    chosen: NDArray[np.int32],
    previous: NDArray[np.int32] | None,
) -> Quality:
    """Measure a generation, one image in memory at a time.

    Args:
        generation: Its number.
        catalogue: N images and B boxes.
        labels: Label maps by image.
        true_mask: N, whether the image keeps its true mask.
        chosen: B, index of each box's candidate, -1 for its rectangle, -2 where it supervised nothing, -3 for a
            segment that is no candidate.
        previous: The previous generation's `chosen`, or None for the first one.

    Raises:
        DataError: A true mask is unreadable or does not fit its labels.
    """
    supervising = chosen != Chosen.NOTHING
    asked = replace(catalogue, boxes=catalogue.boxes[supervising])
    classes = len(catalogue.classes)
    confusion = np.zeros((classes, classes + 1), np.int64)
    fills, box_fills = [], []
    supervised = [row for row, kept in zip(catalogue.rows(), true_mask, strict=True) if not kept]
    for row in tqdm(supervised, "label-quality", unit="image", disable=None):
        found = labels[row.image]
        boxes = asked.boxes_of(row.image)
        if len(boxes):
            box_fills.append(_foreground(found).sum() / union_of_boxes(found.shape, boxes).sum())
        if row.mask:
            truth = read_mask(row.mask)
            confusion += confusion_of(row.image, truth, found, classes)
            if _foreground(truth).any():
                fills.append(_foreground(found)[truth != VOID].sum() / _foreground(truth).sum())
    changed = np.nan if previous is None else _mean((chosen != previous)[supervising])
    rectangles = _mean(chosen[supervising] == Chosen.RECTANGLE)
    basis = basis_of(catalogue.subset({row.image for row in supervised}), confusion.sum(axis=1))
    return Quality(
        generation,
        images=basis.images,
        miou=measured_mean(confusion),
        fill=_mean(fills),
        box_fill=_mean(box_fills),
        changed=changed,
        rectangles=rectangles,
        boxes=int(supervising.sum()),
        objects=basis.objects,
        classes=basis.counts["classes"],
        note=_note(basis, bool(supervised)),
    )


def _note(basis: Basis, supervised: bool) -> str:
    """Why a generation's mean IoU is not measured; empty where it is."""
    if not supervised:
        return KEPT
    if not basis.images:
        return "not measured: no image that boxes supervise has a true mask"
    return basis.notes()[-1]


def collapse_warning(quality: Quality, first: float | None) -> str:
    """What to say where the labels of a generation shrink or grow beyond belief; empty where they do not.

    Needs no true masks: a run that collapses is seen by how much of their boxes the labels fill.

    Args:
        quality: Of the generation.
        first: `box_fill` of the run's first generation, which by default goes by the boxes alone; None for the first.
    """
    fill, (least, most) = quality.box_fill, FILL_BOUNDS
    if first is not None:
        least, most = max(least, (1 - FILL_CHANGE) * first), min(most, (1 + FILL_CHANGE) * first)
    if np.isnan(fill) or least <= fill <= most:
        return ""
    beside = "" if first is None else f", generation 1 filled {first:.2f}"
    what = f"generation {quality.generation} fills {fill:.2f} of its boxes{beside}: "
    if fill < least:
        return what + (
            "objects shrink, and the next network sees them smaller still; try a smaller update.lambda, a longer "
            "update.warmup or update.regression: agreement"
        )
    return what + (
        "objects grow into the background; try a greater update.leak, a smaller update.fallback_iou or "
        "update.regression: agreement"
    )


def union_of_boxes(shape: tuple[int, ...], boxes: pd.DataFrame) -> NDArray[np.bool_]:
    """H×W of that shape, true inside any of the boxes (half-open pixel corners x0, y0, x1, y1)."""
    union = np.zeros(shape, bool)
    for x0, y0, x1, y1 in corners_of(boxes):
        union[y0:y1, x0:x1] = True
    return union


def _foreground(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((labels != 0) & (labels != VOID))


def _mean(values: NDArray[np.bool_] | list[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
