"""A survey of a run's pseudo-masks, image by image and box by box, from which the page picks what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, ImageRow, corners_of
from boxsup.evaluation.measured import image_score
from boxsup.evaluation.truth import image_confusion
from boxsup.image.boxes import box_areas, tight_box
from boxsup.labels.choice import Chosen
from boxsup.labels.choice_tables import of_chosen
from boxsup.machine.bars import tqdm
from boxsup.report.experiment.odd_boxes import BoxHistory
from boxsup.report.shared.choosing import evenly_spaced
from boxsup.store.labels import Labels

EXTREMES = 12  # images with the worst labels, and as many with the labels that changed most


@dataclass(frozen=True)
class SupervisedImage:
    """One image that boxes supervise.

    Attributes:
        row: The image in the catalogue.
        score: Mean IoU of its last labels, over the classes in them or in its true mask, in [0, 1]; NaN if it has no
            true mask that shows an object.
        changed: Share of the pixels labelled in the first or the last generation whose labels differ, in [0, 1].
    """

    row: ImageRow
    score: float
    changed: float


@dataclass(frozen=True)
class LabelSurvey:
    """What is known about the pseudo-masks of a training split.

    Attributes:
        images: The images that boxes supervise, in the order of the split.
        boxes: The history of all boxes of the split.
    """

    images: list[SupervisedImage]
    boxes: BoxHistory


def survey_labels(catalogue: Catalogue, generations: Mapping[int, Labels]) -> LabelSurvey:
    """Compare the first and the last generation of every image that boxes supervise; one image is in memory at a time.

    Args:
        catalogue: The training split.
        generations: At least one store of pseudo-masks, by rising number of the generation.
    """
    first, last = (generations[choose(generations)] for choose in (min, max))
    chosen = np.stack([labels.table("chosen") for labels in generations.values()])
    decided = (chosen[-1] == Chosen.SEGMENT) & ("reviewed" in last.attributes)  # by a person, in any class and corners
    spanned = np.full(len(catalogue.boxes), np.nan)
    images = []
    supervised = [row for row, true in zip(catalogue.rows(), last.table("true_mask"), strict=True) if not true]
    for row in tqdm(supervised, "report", unit="image", disable=None):
        boxes = catalogue.boxes_of(row.image)
        if not len(boxes):
            continue
        before, after = first[row.image], last[row.image]
        for index, class_id, corners in zip(boxes.index, boxes["label"], corners_of(boxes), strict=True):
            if chosen[-1, index] != Chosen.NOTHING and not decided[index]:
                spanned[index] = covered_share(after, class_id, corners)
        images.append(SupervisedImage(row, label_score(row, after, len(catalogue.classes)), _changed(before, after)))
    areas = box_areas(corners_of(catalogue.boxes))
    expected = of_chosen(last, "expected_iou")
    drawn = (last.attributes.get("settings") or {}).get("k", 1) > 1
    return LabelSurvey(images, BoxHistory(chosen, expected, spanned, areas, drawn))


def pick_images(survey: LabelSurvey, catalogue: Catalogue, odd: list[int], count: int) -> list[SupervisedImage]:
    """At most `count` images to show, in the order of the split.

    First come the images with the worst labels, then those whose labels changed most, those with a box worth a look,
    and one of each class. Places that are left go to images spaced evenly over the others.

    Args:
        survey: The survey of the split.
        catalogue: The training split.
        odd: Rows of the boxes worth a look, the oddest first.
        count: The largest number of images to show.
    """
    images = survey.images
    positions = {image.row.image: position for position, image in enumerate(images)}
    scores, changes = (np.array([getattr(image, name) for image in images]) for name in ("score", "changed"))
    worst = np.argsort(scores, kind="stable")[: np.isfinite(scores).sum()]  # NaN comes last
    most_changed = np.argsort(-changes, kind="stable")
    image_of_box = catalogue.boxes["image"].to_numpy()
    firsts = catalogue.boxes[catalogue.boxes["image"].isin(positions)].drop_duplicates("label")["image"]
    order = [
        *worst[:EXTREMES].tolist(),
        *most_changed[:EXTREMES].tolist(),
        *(positions[image_of_box[row]] for row in odd),
        *(positions[image] for image in firsts),
    ]
    chosen = list(dict.fromkeys(order))[:count]
    rest = sorted(set(range(len(images))) - set(chosen))
    chosen += [rest[position] for position in evenly_spaced(len(rest), count - len(chosen))]
    return [images[position] for position in sorted(chosen)]


def covered_share(labels: NDArray[np.uint8], class_id: int, corners: NDArray[np.int64]) -> float:
    """Share of a box that the tight box around the pixels of its class in it covers, in [0, 1]; 0 without such pixels.

    >>> labels = np.array([[0, 0, 0, 0], [0, 1, 1, 0]], np.uint8)
    >>> covered_share(labels, 1, np.array([0, 0, 4, 2]))
    0.25
    """
    x0, y0, x1, y1 = corners
    inside = labels[y0:y1, x0:x1] == class_id
    tight = tight_box(inside)
    return float(box_areas(np.array([tight]))[0] / inside.size) if tight else 0.0


def label_score(row: ImageRow, labels: NDArray[np.uint8], classes: int) -> float:
    """The mean IoU of an image's labels, in [0, 1]; NaN if it has no true mask that shows an object."""
    return image_score(image_confusion(row.image, row.true_mask(), labels, classes)) if row.mask else float("nan")


def _changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    either = (before != 0) | (after != 0)
    return float((before != after).sum() / max(1, either.sum()))
