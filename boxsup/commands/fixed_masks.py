"""`boxsup fixed-masks`: label maps of a split that do not change between epochs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.records import mask_problems
from boxsup.catalogue.tables import Catalogue, ImageRow, read_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.config.experiment import FIXED_KINDS, kind_needs_crf
from boxsup.errors import DataError
from boxsup.inference.crf import require_crf
from boxsup.labels.baselines import BaselineLabels, baseline_labels
from boxsup.labels.choice import Chosen
from boxsup.machine.bars import tqdm
from boxsup.machine.workers import map_in_processes
from boxsup.near import counted
from boxsup.store.labels import labels_writer
from boxsup.store.provenance import provenance

EXAMPLE = "boxsup fixed-masks --catalogue results/data/demo/train --kind grabcut --workers 4 --out grabcut.zarr"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser)
    parser.add_argument(
        "--kind",
        choices=("truth", *FIXED_KINDS),
        required=True,
        help="true masks, or how masks are made from boxes; -void and -ignore: without boxes marked difficult",
    )
    add_workers_argument(parser)
    add_output_arguments(parser, "the .zarr folder to write")


def run(*, catalogue: Path, kind: str, workers: int, out: Path) -> None:
    """Write the true masks of the images that have one, or masks made from the boxes of all images."""
    if kind_needs_crf(kind):
        require_crf()
    split = read_catalogue(catalogue)
    if kind == "truth":
        _write_true_masks(split, out)
    else:
        _write_masks_from_boxes(split, kind, workers, out)


def _write_true_masks(catalogue: Catalogue, out: Path) -> None:
    rows = [row for row in catalogue.rows() if row.mask]
    sizes = np.array([(row.height, row.width) for row in rows], np.int64).reshape(-1, 2)
    attributes = {"masks": "truth", "versions": provenance("fixed_masks", "numpy", "zarr")}
    with labels_writer(out, [row.image for row in rows], sizes, attributes) as writer:
        for row in tqdm(rows, "truth", unit="image", disable=None):
            writer.append(row.image, labels=_true_mask(row, len(catalogue.classes)))


def _true_mask(row: ImageRow, classes: int) -> NDArray[np.uint8]:
    """A true mask, checked again: the file may have changed since the catalogue was written."""
    problems = mask_problems(Path(row.mask), 0, 0, classes)
    if problems:
        raise DataError(f"{row.mask}: {problems[0].removeprefix(f'{row.mask}: ')}")
    return row.true_mask()


def _write_masks_from_boxes(catalogue: Catalogue, kind: str, workers: int, out: Path) -> None:
    packages = ("numpy", "zarr", "opencv-contrib-python-headless", "pydensecrf2")
    attributes = {"masks": kind, "versions": provenance("fixed_masks", *packages)}
    chosen = np.full(len(catalogue.boxes), Chosen.NOTHING, np.int32)
    with labels_writer(out, catalogue.ids, catalogue.sizes, attributes) as writer:
        results = tqdm(_made_masks(catalogue, kind, workers), kind, len(catalogue.images), unit="image", disable=None)
        for image, masks in zip(catalogue.ids, results, strict=True):
            writer.append(image, labels=masks.labels)
            chosen[catalogue.boxes_of(image).index] = masks.chosen
        writer.table("chosen", chosen)
    rectangles = int((chosen == Chosen.RECTANGLE).sum())
    boxes = counted(len(chosen), "box", "boxes")
    print(f"{kind}: {counted(len(catalogue.images), 'image')}, {boxes}, {rectangles} by rectangle", file=sys.stderr)


def _made_masks(catalogue: Catalogue, kind: str, workers: int) -> Iterator[BaselineLabels]:
    calls = ((kind, row, catalogue.boxes_of(row.image)) for row in catalogue.rows())
    return map_in_processes(_masks_of_image, calls, workers)


def _masks_of_image(kind: str, row: ImageRow, boxes: pd.DataFrame) -> BaselineLabels:
    return baseline_labels(kind, row.photo(), boxes)
