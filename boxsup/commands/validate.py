"""`boxsup validate`: one point of the learning curve, the mean IoU of a checkpoint without CRF."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.model_arguments import add_inference_arguments
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument, add_held_out_arguments
from boxsup.evaluation.held_out import evaluated
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
    add_catalogue_argument(parser)
    add_inference_arguments(parser, ScoringSettings)
    add_held_out_arguments(parser)
    add_output_arguments(parser, "the .csv file to write")


def run(
    *,
    catalogue: Path,
    model: Path,
    inference: str,
    held_out: int,
    held_out_seed: int,
    out: Path,
) -> None:
    """Write `class, iou, truth_pixels, images, objects, classes, note`; see `score_table`.

    The IoU are in [0, 1], without CRF. Images without a true mask are left out, and so are held-out ones. Where nothing
    is measured, the IoU are empty and `note` says why. Label maps are not written to disk.
    """
    settings = parse_inference(ScoringSettings, inference)
    split = evaluated(read_catalogue(catalogue), held_out, held_out_seed)
    images = [row for row in split.rows() if row.mask]
    confusion = np.zeros((len(split.classes), len(split.classes) + 1), np.int64)
    predictor = Predictor.asked(model, settings, split.classes)
    if images:
        scored = predictor.score_images(row.photo() for row in images)
        maps = ((scores.argmax(axis=0).astype(np.uint8),) for _, scores in scored)
        (confusion,) = confusions(split, maps, "validate")
    basis = basis_of(split, confusion.sum(axis=1))
    table = score_table(basis, iou=confusion)
    write_table(out, table)
    score = f"mean IoU {score_text(table['iou'].iloc[-1])} without CRF, over {basis.over}"
    result = f"not measured: {basis.why_not}" if basis.why_not else score
    print(f"validate: {model}: {result}", file=sys.stderr)
