"""`boxsup overlaps`: box × candidate IoU of one shard of a split."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from boxsup.catalogue.changes import overlaps_from, recording
from boxsup.catalogue.inventory import read_inventory
from boxsup.catalogue.tables import corners_of, read_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.errors import DataError
from boxsup.image.boxes import box_iou
from boxsup.labels.overlaps import overlaps_writer
from boxsup.proposals.pool import Pools
from boxsup.store.provenance import provenance

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
    if pools and not set(pools) & set(catalogue.ids):
        raise DataError(
            f"{args.proposals}: none of its images is in {args.catalogue}; name the proposals of this split"
        )
    inventory = read_inventory(args.catalogue)
    made_from = overlaps_from(inventory.boxes(list(pools))) if inventory else None
    attributes = {"versions": provenance("overlaps", "numpy", "zarr")}
    with recording(args.out, made_from), overlaps_writer(args.out, list(pools), attributes) as writer:
        for image, pool in tqdm(pools.items(), desc="overlaps", unit="image", disable=None):
            writer.append(box_iou(corners_of(catalogue.boxes_of(image)), pool.boxes))
