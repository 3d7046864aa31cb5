"""`boxsup validate`: a point of the learning curve, the mean IoU of one checkpoint without CRF."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.model_arguments import add_inference_arguments
from boxsup.commands.outputs import add_output_arguments
from boxsup.evaluation.held_out import add_held_out_arguments, evaluated
from boxsup.evaluation.measured import basis_of, score_text
from boxsup.evaluation.tables import score_table, write_table
from boxsup.evaluation.truth import confusions
from boxsup.inference.scores import Predictor
from boxsup.inference.settings import ScoringSettings, parse_inference

EXAMPLE = (
    "boxsup validate --catalogue results/data/demo/val --model "
    "results/demo_semi/seed-0/epochs/006/model.pt --out val.csv"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the split's tables")
    add_inference_arguments(parser, ScoringSettings)
    add_held_out_arguments(parser)
    add_output_arguments(parser, "the .csv file to write")


def run(args: argparse.Namespace) -> None:
    """Write `class, iou, truth_pixels, images, objects, classes, note`; see `score_table`.

    IoU in [0, 1] without CRF. Images without a true mask are left out, and so are held-out ones. Where nothing is
    measured the IoU are empty, and `note` says why. No label map touches the disk.
    """
    settings = parse_inference(ScoringSettings, args.inference)
    catalogue = evaluated(read_catalogue(args.catalogue), args.held_out, args.held_out_seed)
    images = [row for row in catalogue.rows() if row.mask]
    confusion = np.zeros((len(catalogue.classes), len(catalogue.classes) + 1), np.int64)
    predictor = Predictor(args.model, settings.threads, catalogue.classes, settings.scales, settings.background_bias)
    if images:
        scored = predictor.score_files(row.path for row in images)
        maps = ((scores.argmax(axis=0).astype(np.uint8),) for _, scores in scored)
        (confusion,) = confusions(catalogue, maps, "validate")
    basis = basis_of(catalogue, confusion.sum(axis=1))
    table = score_table(basis, iou=confusion)
    write_table(args.out, table)
    score = f"mean IoU {score_text(table['iou'].iloc[-1])} without CRF, over {basis.over}"
    what = f"not measured: {basis.why_not}" if basis.why_not else score
    print(f"validate: {args.model}: {what}", file=sys.stderr)
