"""A run's pseudo-masks looked over, image by image and box by box, to choose what the page shows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.tables import Catalogue, ImageRow, corners_of
from boxsup.evaluation.measured import image_score
from boxsup.evaluation.truth import image_confusion
from boxsup.image.boxes import box_areas, tight_box
from boxsup.image.files import read_mask
from boxsup.labels.choice import Chosen
from boxsup.report.experiment.gallery import spread
from boxsup.report.experiment.odd_boxes import Evidence
from boxsup.store.labels import Labels

EXTREMES = 12  # worst images, and those changed most: so many of each
COSTS = ("overlap_cost", "regression_cost", "expected_iou")


@dataclass(frozen=True)
class Looked:
    """One image that boxes supervise.

    Attributes:
        row: Of the catalogue.
        score: Mean IoU of its last labels over the classes in them or in its true mask, in [0, 1]; NaN without a mask
            that shows an object.
        changed: Share of the pixels labelled in the first or last generation whose labels differ, in [0, 1].
    """

    row: ImageRow
    score: float
    changed: float


@dataclass(frozen=True)
class LabelSurvey:
    """All images that boxes supervise, in the order of the split, and what is known of its boxes."""

    images: list[Looked]
    boxes: Evidence


def look_over(catalogue: Catalogue, generations: Mapping[int, Labels]) -> LabelSurvey:
    """Look at the first and last generation of every image that boxes supervise, one image in memory at a time.

    Args:
        catalogue: The training split, of N images and B boxes.
        generations: Number -> store, rising; one at least.
    """
    first, last = (generations[choose(generations)] for choose in (min, max))
    chosen = np.stack([labels.table("chosen") for labels in generations.values()])
    spanned = np.full(len(catalogue.boxes), np.nan)
    images = []
    supervised = [row for row, true in zip(catalogue.rows(), last.table("true_mask"), strict=True) if not true]
    for row in tqdm(supervised, "report", unit="image", disable=None):
        boxes = catalogue.boxes_of(row.image)
        if not len(boxes):
            continue
        before, after = first[row.image], last[row.image]
        for index, label, corners in zip(boxes.index, boxes["label"], corners_of(boxes), strict=True):
            if chosen[-1, index] != Chosen.NOTHING:
                spanned[index] = span(after, label, corners)
        images.append(Looked(row, _score(row, after, len(catalogue.classes)), _changed(before, after)))
    corners = corners_of(catalogue.boxes)
    areas = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    best = last.table("best")
    expected = np.full(len(best), np.nan)
    boxes_with, ranks = np.nonzero((best == chosen[-1][:, None]) & (best >= 0))
    expected[boxes_with] = last.table("expected_iou")[boxes_with, ranks]
    drawn = (last.attributes.get("settings") or {}).get("k", 1) > 1
    return LabelSurvey(images, Evidence(chosen, expected, spanned, areas, drawn))


def pick(survey: LabelSurvey, catalogue: Catalogue, odd: list[int], count: int) -> list[Looked]:
    """At most `count` images to show, in the order of the split.

    They are the worst, those changed most, those with a box worth a look, one of each class, as far as there is room,
    and the rest spread evenly.

    Args:
        survey: What was looked over.
        catalogue: The training split.
        odd: Rows of the boxes worth a look, the oddest first.
        count: Most images to show.
    """
    images = survey.images
    place = {looked.row.image: index for index, looked in enumerate(images)}
    scores, changes = (np.array([getattr(looked, name) for looked in images]) for name in ("score", "changed"))
    worst = np.argsort(scores, kind="stable")[: np.isfinite(scores).sum()]  # NaN comes last
    moved = np.argsort(-changes, kind="stable")
    named = catalogue.boxes["image"].to_numpy()
    firsts = catalogue.boxes[catalogue.boxes["image"].isin(place)].drop_duplicates("label")["image"]
    order = [
        *worst[:EXTREMES].tolist(),
        *moved[:EXTREMES].tolist(),
        *(place[named[row]] for row in odd),
        *(place[image] for image in firsts),
    ]
    chosen = list(dict.fromkeys(order))[:count]
    rest = sorted(set(range(len(images))) - set(chosen))
    chosen += [rest[position] for position in spread(len(rest), count - len(chosen))]
    return [images[index] for index in sorted(chosen)]


def span(labels: NDArray[np.uint8], label: int, corners: NDArray[np.int64]) -> float:
    """Share of a box, in [0, 1], that the tight box around its label's pixels in it covers; 0 where there are none."""
    x0, y0, x1, y1 = corners
    inside = labels[y0:y1, x0:x1] == label
    tight = tight_box(inside)
    return float(box_areas(np.array([tight]))[0] / inside.size) if tight else 0.0


def _score(row: ImageRow, labels: NDArray[np.uint8], classes: int) -> float:
    return image_score(image_confusion(row.image, read_mask(row.mask), labels, classes)) if row.mask else float("nan")


def _changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    either = (before != 0) | (after != 0)
    return float((before != after).sum() / max(1, either.sum()))
