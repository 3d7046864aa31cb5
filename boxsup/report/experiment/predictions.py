"""Evaluated images of the page: their predictions beside the truth, and what is confused with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.tables import Catalogue, ImageRow
from boxsup.evaluation.confusion import iou_per_class
from boxsup.evaluation.measured import image_score
from boxsup.evaluation.truth import image_confusion
from boxsup.image import VOID
from boxsup.image.files import read_mask
from boxsup.report.experiment.gallery import spread
from boxsup.report.shared.pictures import NARROW, WIDE, item
from boxsup.report.shared.templates import rounded

MANY = 160  # images; of more, all but LARGE are small
LARGE, BEST = 48, 8  # of these the best; the others are the worst, and the worst of each class
MOST = 1_500  # images shown: all of VOC's val
VIEWS = ("labels_crf", "labels")  # stacks of the store, as the page offers them
LabelMaps = Mapping[str, NDArray[np.uint8]]  # image id -> H×W


@dataclass(frozen=True)
class Scored:
    """An evaluated image and how good its predictions are; NaN without a true mask that shows an object.

    Attributes:
        row: Of the catalogue.
        scores: Mean IoU over the classes in truth or prediction, in [0, 1], with and without CRF.
        iou: 2×C, the IoU of each class, with and without CRF; NaN of a class that is in neither.
    """

    row: ImageRow
    scores: tuple[float, float]
    iou: NDArray[np.float64]


def score_predictions(catalogue: Catalogue, maps: Sequence[LabelMaps]) -> tuple[list[Scored], NDArray[np.int64]]:
    """Hold each image's label maps, in the order of VIEWS, against its true mask.

    Returns:
        The images in order; and the confusion with CRF over all of them, C×(C+1).
    """
    classes = len(catalogue.classes)
    total = np.zeros((classes, classes + 1), np.int64)
    scored = []
    for row in tqdm(list(catalogue.rows()), "report", unit="image", disable=None):
        iou, scores = np.full((len(maps), classes), np.nan), (float("nan"), float("nan"))
        if row.mask:
            truth = read_mask(row.mask)
            crf, plain = (image_confusion(row.image, truth, own[row.image], classes) for own in maps)
            iou, scores = np.stack([iou_per_class(crf), iou_per_class(plain)]), (image_score(crf), image_score(plain))
            total += crf
        scored.append(Scored(row, scores, iou))
    return scored, total


def explore_predictions(scored: Sequence[Scored], maps: Sequence[LabelMaps]) -> dict[str, Any]:
    """What the page's script shows of the predictions, as values of JSON.

    Returns:
        `views`, what the label maps of an image are, and `pictures` (`_item`), at most MOST: of more images the
        extremes, and others spread evenly.
    """
    close = set(extremes(scored, LARGE, BEST))
    others = [place for place in range(len(scored)) if place not in close]
    shown = sorted(close | {others[place] for place in spread(len(others), MOST - len(close))})
    pictures = [
        _item(scored[place], maps, WIDE if place in close or len(scored) <= MANY else NARROW)
        for place in tqdm(shown, "report", unit="image", disable=None)
    ]
    return {"views": list(VIEWS), "pictures": pictures}


def extremes(scored: Sequence[Scored], count: int, best: int) -> list[int]:
    """Places of at most `count` images to look at closely: the `best`, the worst of each class by its IoU, the worst.

    Where there is no room for the worst of every class, the first classes have it. Images without a true mask are none.
    """
    scores = np.array([image.scores[0] for image in scored])
    order = np.argsort(scores, kind="stable")[: np.isfinite(scores).sum()].tolist()  # NaN comes last
    classes = np.array([image.iou[0] for image in scored]).T[1:]
    worst = [int(np.nanargmin(own)) for own in classes if np.isfinite(own).any()]
    return list(dict.fromkeys([*order[::-1][:best], *worst, *order]))[:count]


def _item(image: Scored, maps: Sequence[LabelMaps], side: int) -> dict[str, Any]:
    """A picture of an evaluated image.

    Returns:
        What `item` does, and the `labels` of its truth and predictions; in per cent the `score` with CRF, what the CRF
        `gained`, and `iou` by label, with and without CRF; and whether it is also shown in `full` size, in a file.
    """
    picture = item(image.row, (own[image.row.image] for own in maps), side)
    scored = np.isfinite(image.scores[0])
    known = [label for label in np.flatnonzero(np.isfinite(image.iou).any(axis=0)).tolist() if label or scored]
    seen = {label for view in picture["views"] for label, _ in picture["layers"][view]}
    crf, plain = image.scores
    return picture | {
        "labels": sorted({*known, *seen} - {0, VOID}),
        "score": rounded(100 * crf, 1),
        "gained": rounded(100 * (crf - plain), 1),
        "full": side == WIDE,
        "iou": {str(label): [rounded(100 * own, 1) for own in image.iou[:, label]] for label in known},
    }
