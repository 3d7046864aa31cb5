"""`boxsup overlaps`: box × candidate IoU of one shard of a split."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from boxsup.catalogue.tables import corners_of, read_catalogue
from boxsup.labels.overlaps import box_iou, creating_overlaps
from boxsup.proposals.pool import Pools
from boxsup.store.outputs import add_output_arguments
from boxsup.versions import provenance

EXAMPLE = (
    "boxsup overlaps --catalogue results/data/demo/train --proposals "
    "results/data/demo/train/proposals/mcg/0-of-1.zarr --out overlaps.zarr"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the split's tables")
    parser.add_argument("--proposals", type=Path, required=True, help="the shard's candidate pools")
    add_output_arguments(parser, "the .zarr folder to write")


def run(args: argparse.Namespace) -> None:
    """Write the IoU tables of every image of the shard."""
    catalogue = read_catalogue(args.catalogue)
    pools = Pools([args.proposals])
    with creating_overlaps(args.out, list(pools), {"versions": provenance("overlaps", "numpy", "zarr")}) as writer:
        for image, pool in tqdm(pools.items(), desc="overlaps", unit="image", disable=None):
            writer.append(box_iou(corners_of(catalogue.boxes_of(image)), pool.boxes))
