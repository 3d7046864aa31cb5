"""`boxsup overlaps`: IoU of every box with every candidate, for one shard of a split."""

from __future__ import annotations

import argparse
from pathlib import Path

from boxsup.catalogue.inventory import read_inventory
from boxsup.catalogue.made_from import overlaps_from, recording
from boxsup.catalogue.split_tables import SplitTables
from boxsup.catalogue.tables import corners_of
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument
from boxsup.errors import DataError
from boxsup.image.boxes import box_iou
from boxsup.labels.overlaps import overlaps_writer
from boxsup.machine.bars import tqdm
from boxsup.proposals.pool_store import Pools
from boxsup.store.provenance import provenance

EXAMPLE = (
    "boxsup overlaps --catalogue results/data/demo/train --proposals "
    "results/data/demo/train/proposals/mcg/0-of-1.zarr --out overlaps.zarr"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser)
    parser.add_argument("--proposals", type=Path, required=True, help=".zarr folder of the shard's candidate pools")
    add_output_arguments(parser, "the .zarr folder to write")


def run(*, catalogue: Path, proposals: Path, out: Path) -> None:
    """Write the IoU tables of every image of the shard."""
    tables, pools = SplitTables(catalogue), Pools([proposals])
    ids = list(pools)
    split = tables.subset(ids)
    if ids and not len(split.images):
        raise DataError(f"{proposals}: none of its images is in {catalogue}; name the proposals of this split")
    inventory = read_inventory(catalogue, ids)
    made_from = overlaps_from(inventory.box_hash(ids)) if inventory else None
    attributes = {"versions": provenance("overlaps", "numpy", "zarr")}
    with recording(out, made_from), overlaps_writer(out, ids, attributes) as writer:
        for image, pool in tqdm(pools.items(), desc="overlaps", unit="image", disable=None):
            writer.append(box_iou(corners_of(split.boxes_of(image)), pool.boxes))
