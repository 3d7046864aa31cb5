"""Training images of the page: their pseudo-masks through the generations, and how their boxes came to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, corners_of
from boxsup.proposals.pool_store import find_pools
from boxsup.report.experiment.odd_boxes import odd_boxes
from boxsup.report.experiment.survey import COSTS, Looked, look_over, pick
from boxsup.report.shared.pictures import WIDE, item, segment
from boxsup.report.shared.templates import rounded
from boxsup.store.labels import Labels

IMAGES = 48
STEPS = 16  # generations
RUNNERS = 5  # candidates of a box in a generation


def explore_generations(catalogue: Catalogue, generations: Mapping[int, Labels]) -> dict[str, Any]:
    """What the page's script shows of the pseudo-masks, as values of JSON.

    Args:
        catalogue: The training split.
        generations: Number -> store, rising; one at least.

    Returns:
        `views`, the numbers of the generations shown; `pictures` (`_item`), none where every image keeps its true mask;
        `odd`, the boxes worth a look: place of the picture (`item`), number of the `box` in it, `why`.
    """
    survey = look_over(catalogue, generations)
    odd = odd_boxes(survey.boxes)
    picked = pick(survey, catalogue, list(odd), IMAGES)
    steps = {number: generations[number] for number in evenly(list(generations), STEPS)}
    tables = {number: _tables(labels) for number, labels in steps.items()}
    last = generations[max(generations)]
    pictures = [_item(looked, catalogue, steps, tables) for looked in picked]
    _add_segments(pictures, last.attributes.get("proposals", []))
    return {"views": list(steps), "pictures": pictures, "odd": _places(odd, picked, catalogue)}


def evenly(numbers: list[int], count: int) -> list[int]:
    """At most `count` of the numbers in order, the first and the last among them."""
    places = np.linspace(0, len(numbers) - 1, min(count, len(numbers))).round().astype(int)
    return [numbers[place] for place in places]


def _tables(labels: Labels) -> dict[str, NDArray[Any]]:
    return {name: labels.table(name) for name in ("chosen", "best", *COSTS)}


def _item(
    looked: Looked, catalogue: Catalogue, steps: Mapping[int, Labels], tables: Mapping[int, Mapping[str, NDArray[Any]]]
) -> dict[str, Any]:
    """A picture of an image that boxes supervise.

    Returns:
        What `item` does, the `labels` of its boxes, the `boxes` (`_boxes`), `segments`, paths by candidate, and `score`
        and `changed` in per cent.
    """
    row, boxes = looked.row, catalogue.boxes_of(looked.row.image)
    picture = item(row, (labels[row.image] for labels in steps.values()), WIDE)
    return picture | {
        "labels": sorted(set(map(int, boxes["label"]))),
        "boxes": _boxes(boxes, picture["width"] / row.width, tables.values()),
        "segments": {},
        "score": rounded(100 * looked.score, 1),
        "changed": rounded(100 * looked.changed, 1),
    }


def _boxes(boxes: pd.DataFrame, scale: float, tables: Iterable[Mapping[str, NDArray[Any]]]) -> list[dict[str, Any]]:
    """The boxes of an image.

    Returns:
        Of each its `label`, `corners` on the picture, and for each generation the `choices`: what was `chosen`, and the
        `best`, rows of candidate, overlap cost, regression cost and expected IoU.
    """
    corners = (corners_of(boxes) * scale).round(1).tolist()
    return [
        {"label": int(label), "corners": own, "choices": [_choice(index, table) for table in tables]}
        for index, label, own in zip(boxes.index, boxes["label"], corners, strict=True)
    ]


def _choice(index: int, table: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    best = [int(candidate) for candidate in table["best"][index] if candidate >= 0][:RUNNERS]
    costs = [[rounded(table[name][index, rank], 2) for name in COSTS] for rank in range(len(best))]
    rows = [[candidate, *own] for candidate, own in zip(best, costs, strict=True)]
    return {"chosen": int(table["chosen"][index]), "best": rows}


def _add_segments(items: Sequence[dict[str, Any]], folders: Iterable[str]) -> None:
    """Enter the outlines of the candidates that the boxes weighed, as far as the pools are still there."""
    wanted = {own["id"]: (own["segments"], candidates) for own in items if (candidates := _candidates(own))}
    for image, pool in find_pools(folders, wanted):
        segments, candidates = wanted[image]
        known = (candidate for candidate in candidates if candidate < len(pool))  # pools made anew may have fewer
        segments |= {str(candidate): segment(pool.mask(candidate), WIDE) for candidate in known}


def _places(odd: Mapping[int, list[str]], picked: Sequence[Looked], catalogue: Catalogue) -> list[dict[str, Any]]:
    """The boxes worth a look as far as their images are shown: where they stand, and why."""
    boxes = [list(catalogue.boxes_of(looked.row.image).index) for looked in picked]
    places = {row: (image, box) for image, rows in enumerate(boxes) for box, row in enumerate(rows)}
    return [{"item": places[row][0], "box": places[row][1], "why": why} for row, why in odd.items() if row in places]


def _candidates(own: Mapping[str, Any]) -> list[int]:
    """The candidates that stand in the choices of a picture's boxes."""
    choices = [choice for box in own["boxes"] for choice in box["choices"]]
    return sorted({row[0] for choice in choices for row in choice["best"]})
