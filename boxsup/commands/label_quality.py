"""`boxsup label-quality`: measure one generation of pseudo-masks against the true masks."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.split_tables import SplitTables
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.errors import DataError
from boxsup.evaluation.measured import score_text
from boxsup.evaluation.quality import collapse_warning, measure_generation
from boxsup.evaluation.tables import read_table, write_table
from boxsup.store.labels import Labels

EXAMPLE = (
    "boxsup label-quality --catalogue results/data/demo/train --labels "
    "results/demo_semi/seed-0/labels/003.zarr --out 003.csv"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser, "training split")
    parser.add_argument("--labels", type=Path, required=True, help="the generation's .zarr folder")
    parser.add_argument(
        "--previous", type=Path, help="the previous generation's .zarr folder; without it, `changed` stays empty"
    )
    parser.add_argument(
        "--first", type=Path, help="the .csv of the first generation, to tell whether labels shrink or grow"
    )
    add_workers_argument(parser)
    add_output_arguments(parser, "the .csv file to write")


def run(*, catalogue: Path, labels: Path, previous: Path | None, first: Path | None, workers: int, out: Path) -> None:
    """Write one row; the columns are the attributes of `boxsup.evaluation.quality.Quality`, empty where unknown."""
    split, generation = SplitTables(catalogue), Labels(labels)
    chosen, true_mask = generation.table("chosen"), generation.table("true_mask") > 0
    generation.check_classes(split.classes)
    if not _same(generation, split.ids) or len(chosen) != split.box_count:
        raise DataError(f"{labels}: its images or boxes are not those of {catalogue}; make it again")
    chosen_before = _chosen_before(previous, generation) if previous else None

    quality = measure_generation(
        generation.attributes["generation"], split, labels, true_mask, chosen, chosen_before, workers
    )
    first_fill = _first_fill(first) if first else None
    if (chosen >= 0).any():  # masks that no update makes do not collapse
        quality = replace(quality, warning=collapse_warning(quality, first_fill))
    write_table(out, quality.table())
    fits = f"boundary IoU {score_text(quality.boundary_iou)}, boundary F {score_text(quality.boundary_f)}"
    miou = quality.note or f"mean IoU {score_text(quality.miou)} ({fits})"
    print(f"label-quality: generation {quality.generation}: {quality.boxes} boxes, {miou}", file=sys.stderr)
    if quality.warning:
        print(f"label-quality: warning: {quality.warning}", file=sys.stderr)


def _same(ids: Iterable[str], others: Iterable[str]) -> bool:
    return all(image == other for image, other in itertools.zip_longest(ids, others))


def _chosen_before(path: Path, labels: Labels) -> NDArray[np.int32]:
    """What each box chose in the previous generation, which must be of the same images and boxes."""
    before = Labels(path)
    chosen: NDArray[np.int32] = before.table("chosen")
    if not _same(before, labels) or len(chosen) != len(labels.table("chosen")):
        raise DataError(f"{path}: its images or boxes are not those of {labels.path}; name the previous generation")
    return chosen


def _first_fill(path: Path) -> float:
    """The share of their boxes that the labels of the first generation fill, from its table."""
    table = read_table(path)
    if "box_fill" not in table or list(table.get("generation", [])) != [1]:
        raise DataError(
            f"{path}: not the quality of generation 1; name the table that `boxsup label-quality` made of it"
        )
    return float(table["box_fill"].iloc[0])
