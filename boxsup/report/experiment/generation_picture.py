"""A picture of an image with its boxes, the segments that they chose, and the labels of a generation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.tables import Catalogue, corners_of, read_catalogue
from boxsup.errors import StoreError
from boxsup.image.boxes import on_image
from boxsup.image.drawing import with_caption
from boxsup.labels.choice import Chosen
from boxsup.labels.choice_tables import chosen_ranks, cost_names
from boxsup.labels.segments import Segments
from boxsup.near import did_you_mean, near_paths
from boxsup.objects.maps import ObjectMaps, map_on_box
from boxsup.proposals.pool import Pool
from boxsup.proposals.pool_store import find_pool
from boxsup.report.experiment.object_maps import open_maps
from boxsup.report.experiment.odd_boxes import WITHOUT_CANDIDATE
from boxsup.report.shared.pictures import Picture, class_colour, side_by_side
from boxsup.store.labels import Labels

MIN_SIDE = 480  # px, of a picture
TITLES = {
    "overlap_cost": "overlap cost",
    "regression_cost": "regression cost",
    "object_cost": "distance from its object map",
    "expected_iou": "expected IoU",
}
TEXT = 15  # px, height of the text


@dataclass(frozen=True)
class Generation:
    """A generation of pseudo-masks and what it was made from.

    Attributes:
        labels: Its label maps and tables.
        catalogue: The split.
        chosen: B, index of each box's candidate, or a value of `boxsup.labels.choice.Chosen` where it has none.
        best: B×k indices of the best candidates, best first, padded with -1.
        costs: By name of the table, for each of `cost_names`: B×k, of each candidate in `best`.
        maps: Image id -> B×s×s object maps of its boxes; None if it chose by none, or they were removed.
        true_mask: Images that keep their true mask.
    """

    labels: Labels
    catalogue: Catalogue
    chosen: NDArray[np.int32]
    best: NDArray[np.int32]
    costs: Mapping[str, NDArray[np.float32]]
    maps: ObjectMaps | None
    true_mask: frozenset[str]

    @classmethod
    def open(cls, path: Path) -> Generation:
        """Open the store at `path` and its catalogue.

        Raises:
            StoreError: It is no generation, or its catalogue is missing.
        """
        if not path.exists():
            raise StoreError(f"{path}: no such generation{did_you_mean(near_paths(path))}")
        labels = Labels(path)
        if not {"generation", "catalogue", "proposals"} <= labels.attributes.keys():
            raise StoreError(
                f"{path}: not a generation of pseudo-masks; choose one under results/EXPERIMENT/seed-S/labels"
            )
        catalogue = read_catalogue(labels.attributes["catalogue"])
        labels.check_classes(catalogue.classes)
        if list(labels) != catalogue.ids or len(labels.table("chosen")) != len(catalogue.boxes):
            raise StoreError(f"{path}: its images or boxes are no longer those of its catalogue; make it again")
        costs = {name: labels.table(name) for name in cost_names(labels)}
        masked = np.flatnonzero(labels.table("true_mask"))
        true_mask = frozenset(catalogue.ids[row] for row in masked)
        return cls(labels, catalogue, labels.table("chosen"), labels.table("best"), costs, open_maps(labels), true_mask)

    def pool(self, image: str) -> Pool:
        """The candidates that the image's boxes chose from.

        Raises:
            StoreError: They were removed.
        """
        return find_pool(self.labels.attributes["proposals"], image)


def picture(generation: Generation, image: str) -> Image.Image:
    """Draw the image with labels, outlines of what the boxes chose and of the boxes, and a caption about each choice.

    If the boxes chose by object maps, these stand beside it, with the same outlines; where boxes overlap, the surest
    map is seen. Small images are enlarged by a whole factor until both sides have MIN_SIDE pixels.
    """
    catalogue = generation.catalogue
    photo = next(row for row in catalogue.rows() if row.image == image).photo()
    height, width = photo.shape[:2]
    scale = max(1, -(-MIN_SIDE // min(height, width)))
    boxes = catalogue.boxes_of(image)
    labelled = Picture(photo, (height * scale, width * scale), Image.Resampling.BICUBIC)
    sheets, maps = [labelled], None
    if generation.maps is not None and image in generation.maps and len(boxes):
        maps = generation.maps[image]
        sheets.append(Picture(photo, (height * scale, width * scale), Image.Resampling.BICUBIC))
        sheets[-1].add_heat(surest_map(maps, corners_of(boxes), height, width))
    labelled.add_labels(generation.labels[image], grey=False)
    names = [f"{number} {catalogue.classes[class_id]}" for number, class_id in enumerate(boxes["label"], start=1)]
    taken = list(_taken(generation, boxes, maps, (height, width)))
    for sheet in sheets:
        for class_id, mask in taken:
            sheet.add_outline(mask, class_colour(class_id), width=3)
        sheet.add_boxes(corners_of(boxes), list(boxes["label"]), names, TEXT)
    lines = [_title(generation, image), *choices(generation, boxes, names)]
    return with_caption(side_by_side([sheet.image for sheet in sheets]), lines, TEXT)


def surest_map(maps: NDArray[np.uint8], corners: NDArray[np.int64], height: int, width: int) -> NDArray[np.float32]:
    """Put the object maps of an image's boxes back into it; where boxes overlap, the greatest value counts.

    Args:
        maps: B×s×s object maps.
        corners: B×4 half-open pixel corners of the boxes.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        H×W in [0, 1]; 0 outside of all boxes.
    """
    values = np.zeros((height, width), np.float32)
    for own, box in zip(maps, corners, strict=True):
        x0, y0, x1, y1 = map(int, box)
        values[y0:y1, x0:x1] = np.maximum(values[y0:y1, x0:x1], map_on_box(own, box))
    return values


def _taken(
    generation: Generation, boxes: pd.DataFrame, maps: NDArray[np.uint8] | None, size: tuple[int, int]
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """The class and the segment, H×W, of each box of an image that chose a candidate or took what its map sees."""
    segments, rows = Segments(generation.labels), boxes.index.tolist()
    drawn = [row for row in rows if segments.is_candidate(row)]
    pool = generation.pool(boxes["image"].iloc[0]) if drawn else None
    for place, (row, class_id, box) in enumerate(zip(rows, boxes["label"].tolist(), corners_of(boxes), strict=True)):
        choice, seen = int(segments.chosen[row]), None if maps is None else maps[place]
        if row in drawn:
            if pool is not None and segments.is_known(row, pool):
                yield class_id, pool.mask(choice)  # also what lies outside of its box
        elif segments.is_sharpened(row) or (choice == Chosen.MAP and seen is not None):
            yield class_id, on_image(segments.inside(row, box, size, pool, seen), box, size)


def _title(generation: Generation, image: str) -> str:
    number = generation.labels.attributes["generation"]
    kept = ": keeps its true mask" if image in generation.true_mask else ""
    return f"{image}, generation {number}{kept}"


def choices(generation: Generation, boxes: pd.DataFrame, names: list[str]) -> Iterator[str]:
    """One line per box: what it chose, at what cost, and the IoU that is expected."""
    chosen = generation.chosen[boxes.index]
    ranks = chosen_ranks(chosen, generation.best[boxes.index])
    for row, name, choice, rank in zip(boxes.index, names, chosen.tolist(), ranks.tolist(), strict=True):
        if choice < 0:
            yield f"{name}: {WITHOUT_CANDIDATE[choice]}"
            continue
        costs = [f"{TITLES[cost]} {values[row, rank]:.2f}" for cost, values in generation.costs.items()]
        yield f"{name}: candidate {choice}, rank {rank + 1}, {', '.join(costs)}"
