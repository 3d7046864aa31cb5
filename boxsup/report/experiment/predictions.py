"""Evaluated images on the page: their predictions beside the truth, and the confusion matrix of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, ImageRow
from boxsup.evaluation.confusion import iou_per_class
from boxsup.evaluation.measured import image_score
from boxsup.evaluation.truth import image_confusion
from boxsup.image import VOID
from boxsup.machine.bars import tqdm
from boxsup.report.shared.choosing import evenly_spaced
from boxsup.report.shared.explorer import NARROW, WIDE, explorer_picture
from boxsup.report.shared.templates import rounded
from boxsup.store.labels import PLAIN, REFINED

ALL_LARGE = 160  # up to this many images, all pictures are large
MAX_LARGE = 48  # large pictures, if there are more images: BEST of the best, the worst of each class, the worst of all
BEST = 8
MAX_IMAGES = 1_500  # shown: enough for all of VOC's val
VIEWS = (REFINED, PLAIN)  # in the order in which the page offers them
LabelMaps = Mapping[str, NDArray[np.uint8]]  # image id -> H×W


@dataclass(frozen=True)
class Scored:
    """An evaluated image and the scores of its predictions; they are NaN without a true mask that shows an object.

    Attributes:
        row: The image in the catalogue.
        scores: Mean IoU over the classes in truth or prediction, in [0, 1], with and without CRF.
        iou: 2×C, IoU of each class, with and without CRF; NaN for classes in neither truth nor prediction.
    """

    row: ImageRow
    scores: tuple[float, float]
    iou: NDArray[np.float64]


def score_predictions(catalogue: Catalogue, maps: Sequence[LabelMaps]) -> tuple[list[Scored], NDArray[np.int64]]:
    """Compare each image's predictions with its true mask.

    Args:
        catalogue: The evaluated images.
        maps: The predictions by image id, with and without CRF (in the order of VIEWS).

    Returns:
        The images in the order of the catalogue; and the confusion matrix of all images with CRF, C×(C+1).
    """
    classes = len(catalogue.classes)
    total = np.zeros((classes, classes + 1), np.int64)
    scored = []
    for row in tqdm(list(catalogue.rows()), "report", unit="image", disable=None):
        iou, scores = np.full((len(maps), classes), np.nan), (float("nan"), float("nan"))
        if row.mask:
            truth = row.true_mask()
            crf, plain = (image_confusion(row.image, truth, view[row.image], classes) for view in maps)
            iou, scores = np.stack([iou_per_class(crf), iou_per_class(plain)]), (image_score(crf), image_score(plain))
            total += crf
        scored.append(Scored(row, scores, iou))
    return scored, total


def explore_predictions(scored: Sequence[Scored], maps: Sequence[LabelMaps]) -> dict[str, Any]:
    """The predictions as the page's script reads them, in values of JSON.

    Returns:
        `views`, the names of the label maps of each image; and `pictures` (see `_prediction_picture`). If there are
        more than MAX_IMAGES images, these are the extremes and others at even distances.
    """
    large = set(extremes(scored, MAX_LARGE, BEST))
    others = [index for index in range(len(scored)) if index not in large]
    shown = sorted(large | {others[position] for position in evenly_spaced(len(others), MAX_IMAGES - len(large))})
    pictures = [
        _prediction_picture(scored[index], maps, WIDE if index in large or len(scored) <= ALL_LARGE else NARROW)
        for index in tqdm(shown, "report", unit="image", disable=None)
    ]
    return {"views": list(VIEWS), "pictures": pictures}


def extremes(scored: Sequence[Scored], count: int, best: int) -> list[int]:
    """Indices of at most `count` images: the `best` ones, the one with the worst IoU of each class, and the worst ones.

    If there is no room for every class, the first classes have it. Images without scores are never among them.
    """
    scores = np.array([image.scores[0] for image in scored])
    order = np.argsort(scores, kind="stable")[: np.isfinite(scores).sum()].tolist()  # NaN comes last
    classes = np.array([image.iou[0] for image in scored]).T[1:]
    worst = [int(np.nanargmin(ious)) for ious in classes if np.isfinite(ious).any()]
    return list(dict.fromkeys([*order[::-1][:best], *worst, *order]))[:count]


def _prediction_picture(image: Scored, maps: Sequence[LabelMaps], side: int) -> dict[str, Any]:
    """A picture of an evaluated image.

    Returns:
        The values of `explorer_picture`; `labels`, the classes in its truth and predictions; `score` (with CRF),
        `plain` (without), `gained` (by the CRF) and `iou` by label (with and without CRF) in per cent; and `full`,
        whether there is a file at full size.
    """
    picture = explorer_picture(image.row, (view[image.row.image] for view in maps), side)
    scored = np.isfinite(image.scores[0])
    known = [label for label in np.flatnonzero(np.isfinite(image.iou).any(axis=0)).tolist() if label or scored]
    seen = {label for view in picture["views"] for label, _ in picture["layers"][view]}
    crf, plain = image.scores
    return picture | {
        "labels": sorted({*known, *seen} - {0, VOID}),
        "score": rounded(100 * crf, 1),
        "plain": rounded(100 * plain, 1),
        "gained": rounded(100 * (crf - plain), 1),
        "full": side == WIDE,
        "iou": {str(label): [rounded(100 * iou, 1) for iou in image.iou[:, label]] for label in known},
    }
