"""`boxsup trimap measure`: predictions of a split near the boundaries of objects and away from them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from boxsup.catalogue.tables import check_ids, read_catalogue, read_mask
from boxsup.errors import DataError
from boxsup.evaluation.held_out import add_held_out_arguments, evaluated
from boxsup.evaluation.tables import write_table
from boxsup.evaluation.trimap import boundary_distance, distance_confusion, trimap_table
from boxsup.evaluation.truth import with_masks
from boxsup.store.labels import Labels

TOLD = 5  # px: the width that the log line speaks of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the split's tables")
    parser.add_argument("--predictions", type=Path, required=True, help=".zarr with the stacks labels and labels_crf")
    add_held_out_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="the .csv file to write")


def run(args: argparse.Namespace) -> None:
    """Write the table of `boxsup.evaluation.trimap.trimap_table`.

    Images without a true mask are left out, and so are held-out ones.
    """
    catalogue = evaluated(read_catalogue(args.catalogue), args.held_out, args.held_out_seed)
    images, classes = with_masks(catalogue), len(catalogue.classes)
    stacks = [Labels(args.predictions), Labels(args.predictions, name="labels_crf")]
    check_ids([row.image for row in images], list(stacks[0]), str(args.predictions))
    sums: list[np.ndarray] = []
    for row in tqdm(images, "trimap", unit="image", disable=None):
        truth = read_mask(row.mask)
        distance = boundary_distance(truth)
        try:
            counts = [distance_confusion(truth, stack[row.image], distance, classes) for stack in stacks]
        except ValueError as error:
            raise DataError(f"{row.image}: {error}; were both made from this catalogue?") from error
        sums = [total + new for total, new in zip(sums, counts, strict=True)] if sums else counts
    table = trimap_table(*sums)
    write_table(args.out, table)
    told = table.set_index("width").loc[TOLD]
    print(
        f"trimap: {len(images)} images, with CRF, {TOLD} px: mean IoU {100 * told['band_crf']:.1f} % in the band, "
        f"{100 * told['interior_crf']:.1f} % outside",
        file=sys.stderr,
    )
