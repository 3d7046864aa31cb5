"""An experiment as what is reviewed: the choices of its boxes in the last generation of its first run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.again import program
from boxsup.catalogue.reviewed import REVIEWED, box_keys
from boxsup.catalogue.tables import Catalogue, boxes_digest, check_ids, corners_of, read_catalogue
from boxsup.config.build import build
from boxsup.config.update import UpdateSettings
from boxsup.errors import DataError
from boxsup.experiments.found import generations_in, runs_in
from boxsup.experiments.tree import ExperimentFolder
from boxsup.image.boxes import on_image
from boxsup.inference.labelling import read_labelling
from boxsup.labels.choice import UNFITTED, Chosen
from boxsup.labels.choice_tables import of_chosen
from boxsup.labels.segments import Segments
from boxsup.masking.options import options_of_boxes
from boxsup.masking.quality import RECTANGLE_QUALITY, UNSURE
from boxsup.objects.maps import ObjectMaps
from boxsup.proposals.pool_store import Pools
from boxsup.review.subject import Looked, ReviewBox, Subject
from boxsup.store.labels import Labels


@dataclass(frozen=True)
class LookInStores:
    """Reads the candidates of an image, and ranks them as the update does without its semantic network.

    Attributes:
        catalogue: The folder of the tables.
        proposals: The stores of candidates.
        objects: The stores of object maps; none if no network looked into boxes.
        update: Settings of the update.
    """

    catalogue: Path
    proposals: tuple[Path, ...]
    objects: tuple[Path, ...]
    update: UpdateSettings

    def __call__(self, image: str) -> Looked:
        """Read the candidates of an image."""
        split, pools, maps = _stores(self)
        boxes, pool = split.boxes_of(image), pools[image]
        own = maps[image] if maps is not None else None
        options = options_of_boxes(image, pool, boxes.assign(label=0), None, own, self.update)
        return Looked.of(pool.superpixels, options)


def subject_of_experiment(folder: Path) -> Subject:
    """Read the results of an experiment, `results/EXPERIMENT`.

    Raises:
        DataError: It has no generation of labels, or no box chose in it, or the boxes or their candidates have changed
            since.
    """
    stores = _generations(folder)
    if not stores:
        raise DataError(f"{folder}: has no generation of pseudo-masks yet; let Snakemake run it first")
    last, home = Labels(stores[-1]), folder.absolute().parents[1]
    known = last.attributes
    # In a run either all generations choose or none: a later one that chose was left by an earlier run.
    if None in (known["settings"], Labels(stores[0]).attributes["settings"]):
        raise DataError(f"{folder}: its boxes chose no candidates (supervision), so there is nothing to review")
    split = read_catalogue(home / known["catalogue"])
    proposals = tuple(path for name in known["proposals"] for path in sorted((home / name).glob("*-of-*.zarr")))
    objects = tuple(home / name for name in known["objects"])
    update = build(UpdateSettings, known["settings"], "update", by_name=True)
    look = LookInStores(home / known["catalogue"], proposals, objects, update)
    segments, boxes = Segments(last), list[ReviewBox]()
    if not _same_boxes(split, last):
        raise DataError(f"{folder}: the boxes changed since generation {known['generation']}; run the workflow first")
    rows: list[int] = []
    for box, row in _boxes(split, segments.chosen, of_chosen(last, "expected_iou"), home):
        boxes.append(box)
        rows.append(row)
    if not boxes:
        raise DataError(f"{folder}: no box chose in its last generation, so there is nothing to review")
    pools = Pools(proposals)
    check_ids([box.image for box in boxes], pools, f"candidates of {folder}")

    maps = ObjectMaps(objects) if objects else None

    def mask(place: int) -> NDArray[np.bool_]:
        return _segment(pools, maps, boxes[place], segments, rows[place])

    used = home / known["decisions"] if "decisions" in known else None
    journal = used if used is not None and used.is_file() else folder / REVIEWED
    more = "" if journal == used else f" --reviewed {shlex.quote(str(journal))}"
    feedback = f"`{program('boxsup')} run PROJECT{more}` trains on it"
    return Subject(folder.name, journal, tuple(split.classes), boxes, mask, look, feedback)


def _generations(folder: Path) -> list[Path]:
    """The generations of an experiment's first run, without those that an earlier run left there.

    Raises:
        DataError: It uses the networks of another experiment, and so makes no generations.
        StoreError: Its labelling.json cannot be read.
    """
    experiment = ExperimentFolder.at(folder.absolute())
    if not experiment.labelling.is_file():
        return generations_in(next(iter(runs_in(folder)), folder))
    known = read_labelling(experiment.labelling)
    if known.checkpoints_of:
        other = folder.parent / known.checkpoints_of
        raise DataError(f"{folder}: uses the networks of {known.checkpoints_of}, whose boxes chose; review {other}")
    return known.generations_in(experiment.run(known.seeds[0]).folder)


def _same_boxes(split: Catalogue, labels: Labels) -> bool:
    """Whether a generation was made from the boxes as they are now: its tables have a row for each of them."""
    images = list(labels) == split.ids and bool((labels.table("size") == split.sizes).all())
    return images and labels.attributes.get("boxes") == boxes_digest(split)


def _boxes(
    split: Catalogue, chosen: NDArray[np.integer], expected: NDArray[np.floating], home: Path
) -> list[tuple[ReviewBox, int]]:
    """The boxes that chose, each with its row in the table of boxes."""
    found = []
    for image in split.rows():
        boxes = split.boxes_of(image.image)
        labels = boxes["label"].tolist()
        corners = ((x0, y0, x1, y1) for x0, y0, x1, y1 in corners_of(boxes).tolist())
        keys = box_keys(image.image, zip((split.classes[label] for label in labels), corners, strict=True))
        for place, (row, label, key) in enumerate(zip(boxes.index.tolist(), labels, keys, strict=True)):
            if chosen[row] in (Chosen.NOTHING, Chosen.SEGMENT):
                continue
            score = RECTANGLE_QUALITY if np.isnan(expected[row]) else round(float(expected[row]), 4)
            about = (image.image, str(home / image.path), image.height, image.width, place, place + 1, int(label), key)
            raised = {"nothing": chosen[row] in UNFITTED, "unsure": score < UNSURE}
            found.append((ReviewBox(*about, score, tuple(name for name, is_so in raised.items() if is_so)), int(row)))
    return found


def _segment(pools: Pools, maps: ObjectMaps | None, box: ReviewBox, segments: Segments, row: int) -> NDArray[np.bool_]:
    """What a box labels, cut at the box, H×W; its rectangle if that is empty.

    Raises:
        DataError: The candidates are others than those it chose from.
    """
    size, chosen = (box.height, box.width), segments.chosen[row]
    pool = pools[box.image] if segments.is_candidate(row) else None
    if pool is not None and (pool.superpixels.shape != size or chosen >= len(pool)):
        raise DataError(f"{box.image}: its candidates changed since a box chose one; run the workflow first")
    seen = maps[box.image][box.row] if chosen == Chosen.MAP and maps is not None else None
    inside = segments.inside(row, np.asarray(box.corners), size, pool, seen)
    return on_image(inside | (not inside.any()), box.corners, size)


@cache  # once per process
def _stores(look: LookInStores) -> tuple[Catalogue, Pools, ObjectMaps | None]:
    maps: Sequence[Path] = look.objects
    return read_catalogue(look.catalogue), Pools(look.proposals), ObjectMaps(maps) if maps else None
