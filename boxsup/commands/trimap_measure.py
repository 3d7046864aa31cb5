"""`boxsup trimap measure`: predictions of a split near the boundaries of objects and away from them."""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pandas as pd
from tqdm import tqdm

from boxsup.commands.outputs import add_output_arguments
from boxsup.errors import DataError
from boxsup.evaluation.measured import Basis, basis_of, score_text
from boxsup.evaluation.predicted import add_predicted_arguments, evaluated_split, predicted_maps
from boxsup.evaluation.tables import write_table
from boxsup.evaluation.trimap import WIDTHS, boundary_distance, distance_confusion, trimap_table
from boxsup.image.files import read_mask

EXAMPLE = (
    "boxsup trimap measure --catalogue results/data/demo/val --predictions "
    "results/demo_semi/seed-0/predictions/006.zarr --out trimap.csv"
)

TOLD = 5  # px: the width that the log line speaks of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_predicted_arguments(parser)
    add_output_arguments(parser, "the .csv file to write")


def run(args: argparse.Namespace) -> None:
    """Write the table of `boxsup.evaluation.trimap.trimap_table`.

    Images without a true mask are left out, and so are held-out ones; where nothing is measured the table has no rows.
    """
    catalogue = evaluated_split(args)
    images, classes = [row for row in catalogue.rows() if row.mask], len(catalogue.classes)
    predicted = predicted_maps(args.predictions, images, catalogue.classes)
    sums: list[np.ndarray] = []
    for row, maps in zip(tqdm(images, "trimap", unit="image", disable=None), predicted, strict=True):
        truth = read_mask(row.mask)
        distance = boundary_distance(truth)
        try:
            counts = [distance_confusion(truth, labels, distance, classes) for labels in maps]
        except ValueError as error:
            raise DataError(f"{row.image}: {error}; were both made from this catalogue?") from error
        sums = [total + new for total, new in zip(sums, counts, strict=True)] if sums else counts
    shape = (len(WIDTHS) + 1, classes, classes + 1)
    without, with_crf = sums or [np.zeros(shape, np.int64)] * 2
    basis = basis_of(catalogue, without.sum(axis=(0, 2)))
    table = trimap_table(without, with_crf)
    write_table(args.out, table)
    print(f"trimap: {f'not measured: {basis.why_not}' if basis.why_not else _told(table, basis)}", file=sys.stderr)


def _told(table: pd.DataFrame, basis: Basis) -> str:
    told = table.loc[table["width"] == TOLD, ["band_crf", "interior_crf"]].to_numpy(np.float64)
    band, interior = (score_text(score) for score in told[0])
    return f"with CRF, {TOLD} px: mean IoU {band} in the band, {interior} outside, over {basis.over}"
