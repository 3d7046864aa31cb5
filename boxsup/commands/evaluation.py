"""`boxsup evaluation`: predictions of a split against its true masks, by the VOC protocol."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument, add_held_out_arguments, add_predictions_argument
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.evaluation.held_out import evaluated
from boxsup.evaluation.measured import basis_of, score_text
from boxsup.evaluation.predicted import predicted_confusions
from boxsup.evaluation.tables import score_table, write_table

EXAMPLE = (
    "boxsup evaluation --catalogue results/data/demo/val --predictions "
    "results/demo_semi/seed-0/predictions/006.zarr --out 006.csv"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser)
    add_predictions_argument(parser)
    add_held_out_arguments(parser)
    add_workers_argument(parser)
    add_output_arguments(parser, "the .csv file to write")


def run(*, catalogue: Path, predictions: Path, held_out: int, held_out_seed: int, workers: int, out: Path) -> None:
    """Write `class, iou, iou_crf, truth_pixels, images, objects, classes, note`; see `score_table`.

    The IoU are in [0, 1], before and after the CRF, over pixels that are not void. Images without a true mask and
    held-out images are left out. Where nothing is measured, as with boxes alone, the IoU are empty and `note` says why.
    """
    split = evaluated(read_catalogue(catalogue), held_out, held_out_seed)
    without, with_crf = (np.zeros((len(split.classes), len(split.classes) + 1), np.int64) for _ in range(2))
    if any(row.mask for row in split.rows()):
        without, with_crf = predicted_confusions(predictions, split, workers, "evaluation")
    basis = basis_of(split, without.sum(axis=1))
    table = score_table(basis, iou=without, iou_crf=with_crf)
    write_table(out, table)
    iou, iou_crf = table[["iou", "iou_crf"]].iloc[-1]
    scores = f"mean IoU {score_text(iou)}, with CRF {score_text(iou_crf)}, over {basis.over}"
    print(f"evaluation: {f'not measured: {basis.why_not}' if basis.why_not else scores}", file=sys.stderr)
