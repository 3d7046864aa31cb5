"""`boxsup evaluation`: predictions of a split against its true masks, by the VOC protocol."""

from __future__ import annotations

import argparse
import sys

import numpy as np

from boxsup.commands.outputs import add_output_arguments
from boxsup.evaluation.measured import basis_of, score_text
from boxsup.evaluation.predicted import add_predicted_arguments, evaluated_split, predicted_maps
from boxsup.evaluation.tables import score_table, write_table
from boxsup.evaluation.truth import confusions

EXAMPLE = (
    "boxsup evaluation --catalogue results/data/demo/val --predictions "
    "results/demo_semi/seed-0/predictions/006.zarr --out 006.csv"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_predicted_arguments(parser)
    add_output_arguments(parser, "the .csv file to write")


def run(args: argparse.Namespace) -> None:
    """Write `class, iou, iou_crf, truth_pixels, images, objects, classes, note`; see `score_table`.

    IoU in [0, 1] before and after the CRF, pixels without void. Images without a true mask are left out, and so are
    held-out ones. Where nothing is measured, as with boxes alone, the IoU are empty, and `note` says why.
    """
    catalogue = evaluated_split(args)
    images = [row for row in catalogue.rows() if row.mask]
    without, with_crf = (np.zeros((len(catalogue.classes), len(catalogue.classes) + 1), np.int64) for _ in range(2))
    if images:
        maps = predicted_maps(args.predictions, images, catalogue.classes)
        without, with_crf = confusions(catalogue, maps, "evaluation")
    basis = basis_of(catalogue, without.sum(axis=1))
    table = score_table(basis, iou=without, iou_crf=with_crf)
    write_table(args.out, table)
    iou, iou_crf = table[["iou", "iou_crf"]].iloc[-1]
    scores = f"mean IoU {score_text(iou)}, with CRF {score_text(iou_crf)}, over {basis.over}"
    print(f"evaluation: {f'not measured: {basis.why_not}' if basis.why_not else scores}", file=sys.stderr)
