"""`boxsup trimap measure`: predictions of a split near the boundaries of objects and away from them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument, add_held_out_arguments, add_predictions_argument
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.evaluation.held_out import evaluated
from boxsup.evaluation.measured import Basis, basis_of, score_text
from boxsup.evaluation.predicted import is_refined, sum_predicted
from boxsup.evaluation.tables import write_table
from boxsup.evaluation.trimap import image_distances, no_distances, trimap_table

EXAMPLE = (
    "boxsup trimap measure --catalogue results/data/demo/val --predictions "
    "results/demo_semi/seed-0/predictions/006.zarr --out trimap.csv"
)

LOGGED_WIDTH = 5  # px, of the band whose scores are logged


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser)
    add_predictions_argument(parser)
    add_held_out_arguments(parser)
    add_workers_argument(parser)
    add_output_arguments(parser, "the .csv file to write")


def run(*, catalogue: Path, predictions: Path, held_out: int, held_out_seed: int, workers: int, out: Path) -> None:
    """Write the table of `boxsup.evaluation.trimap.trimap_table`.

    Images without a true mask are left out, and so are held-out ones. Where nothing is measured, the table has no rows.
    """
    split = evaluated(read_catalogue(catalogue), held_out, held_out_seed)
    nothing = [no_distances(len(split.classes))] * 2
    without, with_crf = sum_predicted(image_distances, nothing, predictions, split, workers, "trimap")
    basis = basis_of(split, without.sum(axis=(0, 2)))
    table = trimap_table(without, with_crf)
    write_table(out, table)
    scores = basis.why_not or _scores(table, basis, is_refined(predictions))
    print(f"trimap: {'not measured: ' if basis.why_not else ''}{scores}", file=sys.stderr)


def _scores(table: pd.DataFrame, basis: Basis, refined: bool) -> str:
    """The scores of one width, for the log."""
    rows = table.loc[table["width"] == LOGGED_WIDTH, ["band_crf", "interior_crf"]].to_numpy(np.float64)
    band, interior = (score_text(score) for score in rows[0])
    with_crf = "with CRF, " if refined else ""
    return f"{with_crf}{LOGGED_WIDTH} px: mean IoU {band} in the band, {interior} outside, over {basis.over}"
