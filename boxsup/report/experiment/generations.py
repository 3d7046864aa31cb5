"""Training images on the page: their pseudo-masks through the generations, and the choices of their boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, corners_of
from boxsup.image.boxes import on_image
from boxsup.labels.choice import Chosen
from boxsup.labels.choice_tables import at_chosen, cost_names
from boxsup.labels.segments import Segments
from boxsup.proposals.pool_store import find_pools
from boxsup.report.experiment.known import known_of_boxes
from boxsup.report.experiment.object_maps import open_maps
from boxsup.report.experiment.odd_boxes import odd_boxes
from boxsup.report.experiment.survey import SupervisedImage, label_score, pick_images, survey_labels
from boxsup.report.shared.choosing import thinned
from boxsup.report.shared.explorer import WIDE, explorer_picture, segment_path
from boxsup.report.shared.templates import rounded
from boxsup.store.labels import Labels

MAX_IMAGES = 48
MAX_GENERATIONS = 16
MAX_CANDIDATES = 5  # shown for a box in a generation, and the one that it drew
# The columns of a box's candidates: table and title.
TITLES = {"overlap_cost": "Eₒ", "regression_cost": "Eᵣ", "object_cost": "E_b", "expected_iou": "Expected IoU"}


def explore_generations(catalogue: Catalogue, generations: Mapping[int, Labels]) -> dict[str, Any]:
    """The pseudo-masks as the page's script reads them, in values of JSON.

    Args:
        catalogue: The training split.
        generations: At least one store of pseudo-masks, by rising number of the generation.

    Returns:
        `views`, the numbers of the generations shown; `costs`, the titles of what is said of a candidate; `pictures`
        (see `_generation_picture`), empty if every image keeps its true mask; `odd`, the boxes worth a look, each with
        the index of its picture (`item`), the index of the `box` in the picture, and `why`; and `known`, see
        `known_of_boxes`.
    """
    survey = survey_labels(catalogue, generations)
    odd = odd_boxes(survey.boxes)
    picked = pick_images(survey, catalogue, list(odd), MAX_IMAGES)
    steps = {number: generations[number] for number in thinned(list(generations), MAX_GENERATIONS)}
    last = generations[max(generations)]
    costs = cost_names(last)
    tables = {number: _tables(labels, costs) for number, labels in steps.items()}
    pictures = [_generation_picture(image, catalogue, steps, tables) for image in picked]
    _add_segments(pictures, last.attributes.get("proposals", []))
    _add_own_segments(pictures, catalogue, list(steps.values()))
    shown = _shown_boxes(odd, picked, catalogue)
    known = known_of_boxes(survey.boxes, len(odd_boxes(survey.boxes, len(catalogue.boxes))))
    return {
        "views": list(steps),
        "costs": [TITLES[name] for name in costs],
        "pictures": pictures,
        "odd": shown,
        "known": known,
    }


def _tables(labels: Labels, costs: Iterable[str]) -> dict[str, NDArray[Any]]:
    """The tables `chosen` and `best` of a generation, and those that `costs` names, in this order."""
    return {name: labels.table(name) for name in ("chosen", "best", *costs)}


def _generation_picture(
    image: SupervisedImage,
    catalogue: Catalogue,
    steps: Mapping[int, Labels],
    tables: Mapping[int, Mapping[str, NDArray[Any]]],
) -> dict[str, Any]:
    """A picture of an image that boxes supervise.

    Returns:
        The values of `explorer_picture`; `labels`, the classes of its boxes; `boxes` (see `_boxes`); `segments`, paths
        by candidate, filled in later; `score` and `changed` in per cent; by generation, the mIoU of its labels in per
        cent (`scores`) and the mean expected IoU of what its boxes chose (`sures`); and `sure`, the last of these.
    """
    row, boxes = image.row, catalogue.boxes_of(image.row.image)
    maps = [labels[row.image] for labels in steps.values()]
    picture = explorer_picture(row, maps, WIDE)
    scores = [label_score(row, labels, len(catalogue.classes)) for labels in maps]
    sures = [_sure(boxes.index, table) for table in tables.values()]
    return picture | {
        "labels": sorted(set(map(int, boxes["label"]))),
        "boxes": _boxes(boxes, picture["width"] / row.width, tables.values()),
        "segments": {},
        "score": rounded(100 * image.score, 1),
        "changed": rounded(100 * image.changed, 1),
        "scores": [rounded(100 * score, 1) for score in scores],
        "sures": [rounded(sure, 2) for sure in sures],
        "sure": rounded(sures[-1], 2),
    }


def _sure(rows: pd.Index, table: Mapping[str, NDArray[Any]]) -> float:
    """The mean expected IoU of the candidates that boxes chose in a generation; NaN if none chose one."""
    expected = at_chosen(*(table[name][rows] for name in ("chosen", "best", "expected_iou")))
    known = expected[~np.isnan(expected)]
    return float(known.mean()) if len(known) else float("nan")


def _boxes(boxes: pd.DataFrame, scale: float, tables: Iterable[Mapping[str, NDArray[Any]]]) -> list[dict[str, Any]]:
    """The boxes of an image.

    Returns:
        For each box its `label`, its `corners` on the picture, and one entry per generation in `choices`: what was
        `chosen`, and the `best` candidates, each as [candidate, …] with a number for each of the `costs`. Where a box
        labels something else than its candidate, the path of this is added later, as `segment`.
    """
    scaled = (corners_of(boxes) * scale).round(1).tolist()
    return [
        {"label": int(class_id), "corners": corners, "choices": [shown_choice(index, table) for table in tables]}
        for index, class_id, corners in zip(boxes.index, boxes["label"], scaled, strict=True)
    ]


def shown_choice(index: int, table: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """What a box chose in a generation, and the candidates that it weighed: the best, and the one that it drew.

    Args:
        index: Row of the box.
        table: `chosen`, `best`, and what is said of each of these.
    """
    best, chosen = [int(candidate) for candidate in table["best"][index] if candidate >= 0], int(table["chosen"][index])
    ranks = [rank for rank, candidate in enumerate(best) if rank < MAX_CANDIDATES or candidate == chosen]
    names = [name for name in table if name not in ("chosen", "best")]
    rows = [[best[rank], *(rounded(table[name][index, rank], 2) for name in names)] for rank in ranks]
    return {"chosen": chosen, "best": rows}


def _add_segments(pictures: Sequence[dict[str, Any]], folders: Iterable[str]) -> None:
    """Add the outlines of the candidates that the boxes weighed, if the stores of candidates are still there."""
    wanted = {
        picture["id"]: (picture["segments"], candidates) for picture in pictures if (candidates := _candidates(picture))
    }
    for image, pool in find_pools(folders, wanted):
        segments, candidates = wanted[image]
        known = (candidate for candidate in candidates if candidate < len(pool))  # a pool made again may have fewer
        segments |= {str(candidate): segment_path(pool.mask(candidate), WIDE) for candidate in known}


def _add_own_segments(pictures: Sequence[dict[str, Any]], catalogue: Catalogue, steps: Sequence[Labels]) -> None:
    """Add the outlines of the segments that are no candidates: sharpened ones, and what boxes took from their maps.

    The latter are missing if the stores of maps were removed.
    """
    sizes = {row.image: (row.height, row.width) for row in catalogue.rows()}
    for step, labels in enumerate(steps):
        maps, segments = open_maps(labels), Segments(labels)
        for picture in pictures:
            image, boxes = picture["id"], catalogue.boxes_of(picture["id"])
            for place, (row, box) in enumerate(zip(boxes.index.tolist(), corners_of(boxes), strict=True)):
                seen = maps[image][place] if maps is not None and segments.chosen[row] == Chosen.MAP else None
                if segments.is_sharpened(row) or seen is not None:
                    inside = segments.inside(row, box, sizes[image], None, seen)
                    path = segment_path(on_image(inside, box, sizes[image]), WIDE)
                    picture["boxes"][place]["choices"][step]["segment"] = path


def _shown_boxes(
    odd: Mapping[int, list[str]], picked: Sequence[SupervisedImage], catalogue: Catalogue
) -> list[dict[str, Any]]:
    """Those boxes worth a look whose images are shown: index of the picture, index of the box in it, and reasons."""
    boxes = [list(catalogue.boxes_of(image.row.image).index) for image in picked]
    shown = {row: (picture, box) for picture, rows in enumerate(boxes) for box, row in enumerate(rows)}
    return [{"item": shown[row][0], "box": shown[row][1], "why": why} for row, why in odd.items() if row in shown]


def _candidates(picture: Mapping[str, Any]) -> list[int]:
    """The candidates in the choices of a picture's boxes, each once."""
    choices = [choice for box in picture["boxes"] for choice in box["choices"]]
    return sorted({row[0] for choice in choices for row in choice["best"]})
