"""`boxsup evaluation`: predictions of a split against its true masks, by the VOC protocol."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from boxsup.catalogue.tables import check_ids, read_catalogue
from boxsup.evaluation.held_out import add_held_out_arguments, evaluated
from boxsup.evaluation.tables import score_table, write_table
from boxsup.evaluation.truth import confusions, with_masks
from boxsup.store.labels import Labels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the split's tables")
    parser.add_argument("--predictions", type=Path, required=True, help=".zarr with the stacks labels and labels_crf")
    add_held_out_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="the .csv file to write")


def run(args: argparse.Namespace) -> None:
    """Write `class, iou, iou_crf, truth_pixels`: IoU in [0, 1] before and after the CRF, pixels without void.

    One row a class, background included, then `mean`: the mean IoU over the classes that are in truth or predictions,
    and the sum of pixels. Images without a true mask are left out, and so are held-out ones.
    """
    catalogue = evaluated(read_catalogue(args.catalogue), args.held_out, args.held_out_seed)
    plain, crf = Labels(args.predictions), Labels(args.predictions, name="labels_crf")
    images = with_masks(catalogue)
    check_ids([row.image for row in images], list(plain), str(args.predictions))
    without, with_crf = confusions(catalogue, ((plain[row.image], crf[row.image]) for row in images), "evaluation")
    table = score_table(catalogue.classes, iou=without, iou_crf=with_crf)
    pixels = without.sum(axis=1)
    table["truth_pixels"] = [*pixels, pixels.sum()]
    write_table(args.out, table)
    mean = table.iloc[-1]
    print(
        f"evaluation: {len(images)} images, mean IoU {100 * mean['iou']:.1f} %, with CRF {100 * mean['iou_crf']:.1f} %",
        file=sys.stderr,
    )
