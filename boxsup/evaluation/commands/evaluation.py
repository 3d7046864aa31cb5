"""`boxsup evaluation`: predictions of a split against its true masks, by the VOC protocol."""

from __future__ import annotations

import argparse
import sys

import numpy as np

from boxsup.evaluation.predicted import add_predicted_arguments, evaluated_split, predicted_maps
from boxsup.evaluation.tables import score_table, write_table
from boxsup.evaluation.truth import confusions
from boxsup.store.outputs import add_output_arguments

EXAMPLE = (
    "boxsup evaluation --catalogue results/data/demo/val --predictions "
    "results/demo_semi/seed-0/predictions/006.zarr --out 006.csv"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_predicted_arguments(parser)
    add_output_arguments(parser, "the .csv file to write")


def run(args: argparse.Namespace) -> None:
    """Write `class, iou, iou_crf, truth_pixels, images`: IoU in [0, 1] before and after the CRF, pixels without void.

    One row a class, background included, then `mean`: the mean IoU over the classes that are in truth or predictions,
    and the sum of pixels. Images without a true mask are left out, and so are held-out ones; `images`, how many are
    left, is the same in each row. Where none is, as with boxes alone, the IoU are empty.
    """
    catalogue = evaluated_split(args)
    images = [row for row in catalogue.rows() if row.mask]
    without, with_crf = (np.zeros((len(catalogue.classes), len(catalogue.classes) + 1), np.int64) for _ in range(2))
    if images:
        without, with_crf = confusions(catalogue, predicted_maps(args.predictions, images), "evaluation")
    table = score_table(catalogue.classes, iou=without, iou_crf=with_crf)
    pixels = without.sum(axis=1)
    table["truth_pixels"] = [*pixels, pixels.sum()]
    table["images"] = len(images)
    write_table(args.out, table)
    if not images:
        print("evaluation: no image has a true mask: there is nothing to compare with", file=sys.stderr)
        return
    mean = table.iloc[-1]
    print(
        f"evaluation: {len(images)} images, mean IoU {100 * mean['iou']:.1f} %, with CRF {100 * mean['iou_crf']:.1f} %",
        file=sys.stderr,
    )
