"""Evaluated images of the page: their predictions beside the truth, and what is confused with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.tables import Catalogue, ImageRow, read_mask
from boxsup.evaluation.confusion import iou_per_class, mean_iou
from boxsup.evaluation.truth import confusion_of
from boxsup.report.pictures import NARROW, WIDE, item
from boxsup.report.templates import rounded
from boxsup.store.labels import VOID

MANY = 160  # images; of more, all but LARGE are small
LARGE, BEST = 48, 8  # of these the best; the others are the worst, and the worst of each class
LabelMaps = Mapping[str, NDArray[np.uint8]]  # image id -> H×W
VIEWS = ("labels_crf", "labels")  # stacks of the store, as the page offers them


@dataclass(frozen=True)
class Scored:
    """An evaluated image with its confusions before and after the CRF, C×(C+1); None without a true mask."""

    row: ImageRow
    confusions: tuple[NDArray[np.int64], NDArray[np.int64]] | None

    @property
    def score(self) -> float:
        """Mean IoU with CRF over the classes in truth or prediction, in [0, 1]; NaN without a true mask."""
        return mean_iou(self.confusions[0]) if self.confusions else float("nan")

    @property
    def plain(self) -> float:
        """The same without CRF."""
        return mean_iou(self.confusions[1]) if self.confusions else float("nan")


def score_predictions(catalogue: Catalogue, maps: Sequence[LabelMaps]) -> list[Scored]:
    """Hold each image's label maps, in the order of VIEWS, against its true mask."""
    classes = len(catalogue.classes)
    scored = []
    for row in tqdm(list(catalogue.rows()), "report", unit="image", disable=None):
        truth = read_mask(row.mask) if row.mask else None
        found = None if truth is None else [confusion_of(row.image, truth, own[row.image], classes) for own in maps]
        scored.append(Scored(row, (found[0], found[1]) if found else None))
    return scored


def explore_predictions(scored: Sequence[Scored], maps: Sequence[LabelMaps]) -> dict[str, Any]:
    """What the page's script shows of the predictions, as values of JSON: `pictures` (`_item`)."""
    wide = {image.row.image for image in (scored if len(scored) <= MANY else extremes(scored, LARGE, BEST))}
    pictures = [
        _item(image, maps, WIDE if image.row.image in wide else NARROW)
        for image in tqdm(scored, "report", unit="image", disable=None)
    ]
    return {"views": list(VIEWS), "pictures": pictures}


def extremes(scored: Sequence[Scored], count: int, best: int) -> list[Scored]:
    """At most `count` images to look at closely: the `best`, the worst of each class by its IoU, then the worst.

    Where there is no room for the worst of every class, the first classes have it.
    """
    ranked = sorted((image for image in scored if not np.isnan(image.score)), key=lambda image: image.score)
    table = np.array([iou_per_class(image.confusions[0]) for image in ranked if image.confusions])
    of_classes = [int(np.nanargmin(column)) for column in table.T[1:] if np.isfinite(column).any()]
    order = dict.fromkeys([*range(len(ranked))[::-1][:best], *of_classes, *range(len(ranked))])
    return [ranked[place] for place in list(order)[:count]]


def confusion_with_crf(scored: Sequence[Scored], classes: int) -> NDArray[np.int64]:
    """C×(C+1): the confusion with CRF over all images."""
    total = np.zeros((classes, classes + 1), np.int64)
    for image in scored:
        total += image.confusions[0] if image.confusions else 0
    return total


def _item(image: Scored, maps: Sequence[LabelMaps], side: int) -> dict[str, Any]:
    """A picture of an evaluated image.

    Returns:
        Those of `item`, the `labels` of its truth and predictions, and in per cent the `score`, what the CRF `gained`,
        and `iou` by label, with and without CRF.
    """
    picture = item(image.row, (own[image.row.image] for own in maps), side)
    crf, plain = (iou_per_class(confusion) for confusion in image.confusions) if image.confusions else ((), ())
    known = [label for label in range(len(crf)) if np.isfinite(crf[label]) or np.isfinite(plain[label])]
    seen = {label for view in picture["views"] for label, _ in picture["layers"][view]}
    return picture | {
        "labels": sorted({*known, *seen} - {0, VOID}),
        "score": rounded(100 * image.score, 1),
        "gained": rounded(100 * (image.score - image.plain), 1),
        "iou": {str(label): [rounded(100 * own[label], 1) for own in (crf, plain)] for label in known},
    }
