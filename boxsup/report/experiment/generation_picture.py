"""A picture of an image with its boxes, the segments that they chose, and the labels of a generation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.tables import Catalogue, corners_of, read_catalogue
from boxsup.errors import StoreError
from boxsup.image.files import read_image
from boxsup.near import did_you_mean, near_paths
from boxsup.proposals.pool import Pool
from boxsup.proposals.pool_store import find_pool
from boxsup.report.experiment.odd_boxes import WITHOUT_CANDIDATE
from boxsup.report.shared.drawing import with_caption
from boxsup.report.shared.pictures import Picture, class_colour
from boxsup.store.labels import Labels

MIN_SIDE = 480  # px, of a picture
TEXT = 15  # px, height of the text


@dataclass(frozen=True)
class Generation:
    """A generation of pseudo-masks and what it was made from.

    Attributes:
        labels: Its label maps and tables.
        catalogue: The split.
        chosen: B, index of each box's candidate, or -1 (rectangle), -2 (supervised nothing), -3 (a segment that is
            no candidate).
        best: B×k indices of the best candidates, best first, padded with -1.
        costs: B×k×3: overlap cost, regression cost and expected IoU of each candidate.
        true_mask: Images that keep their true mask.
    """

    labels: Labels
    catalogue: Catalogue
    chosen: NDArray[np.int32]
    best: NDArray[np.int32]
    costs: NDArray[np.float32]
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
        tables = ("overlap_cost", "regression_cost", "expected_iou")
        labels.check_classes(catalogue.classes)
        if list(labels) != catalogue.ids or len(labels.table("chosen")) != len(catalogue.boxes):
            raise StoreError(f"{path}: its images or boxes are no longer those of its catalogue; make it again")
        costs = np.stack([labels.table(name) for name in tables], axis=-1)
        masked = np.flatnonzero(labels.table("true_mask"))
        true_mask = frozenset(catalogue.ids[row] for row in masked)
        return cls(labels, catalogue, labels.table("chosen"), labels.table("best"), costs, true_mask)

    def pool(self, image: str) -> Pool:
        """The candidates that the image's boxes chose from.

        Raises:
            StoreError: They were removed.
        """
        return find_pool(self.labels.attributes["proposals"], image)


def picture(generation: Generation, image: str) -> Image.Image:
    """Draw the image with labels, outlines of the chosen segments and boxes, and a caption that names each choice.

    Small images are enlarged by a whole factor until both sides have MIN_SIDE pixels.
    """
    catalogue = generation.catalogue
    photo = read_image(next(row.path for row in catalogue.rows() if row.image == image))
    height, width = photo.shape[:2]
    scale = max(1, -(-MIN_SIDE // min(height, width)))
    sheet = Picture(photo, (height * scale, width * scale), Image.Resampling.BICUBIC)
    sheet.add_labels(generation.labels[image], grey=False)
    boxes = catalogue.boxes_of(image)
    chosen = generation.chosen[boxes.index]
    pool = generation.pool(image) if (chosen >= 0).any() else None
    for class_id, candidate in zip(boxes["label"], chosen, strict=True):
        if pool is not None and candidate >= 0:
            sheet.add_outline(pool.mask(int(candidate)), class_colour(class_id), width=3)
    names = [f"{number} {catalogue.classes[class_id]}" for number, class_id in enumerate(boxes["label"], start=1)]
    sheet.add_boxes(corners_of(boxes), list(boxes["label"]), names, TEXT)
    return with_caption(sheet.image, [_title(generation, image), *choices(generation, boxes, names)], TEXT)


def _title(generation: Generation, image: str) -> str:
    number = generation.labels.attributes["generation"]
    kept = ": keeps its true mask" if image in generation.true_mask else ""
    return f"{image}, generation {number}{kept}"


def choices(generation: Generation, boxes: pd.DataFrame, names: list[str]) -> Iterator[str]:
    """One line per box: what it chose, at what cost, and the IoU that is expected."""
    for row, name in zip(boxes.index, names, strict=True):
        chosen = int(generation.chosen[row])
        if chosen < 0:
            yield f"{name}: {WITHOUT_CANDIDATE[chosen]}"
            continue
        rank = int(np.flatnonzero(generation.best[row] == chosen)[0])
        overlap, regression, expected = generation.costs[row, rank]
        costs = f"overlap cost {overlap:.2f}, regression cost {regression:.2f}, expected IoU {expected:.2f}"
        yield f"{name}: candidate {chosen}, rank {rank + 1}, {costs}"
