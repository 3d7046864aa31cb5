"""`boxsup proposals make`: make the candidate segments of one shard of a split."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from boxsup.catalogue.inventory import read_inventory
from boxsup.catalogue.made_from import proposals_from, recording
from boxsup.catalogue.split_tables import SplitTables
from boxsup.catalogue.tables import Catalogue, corners_of
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument, part_of_all
from boxsup.config.proposals import ProposalSettings
from boxsup.machine.bars import tqdm
from boxsup.machine.compiled import when_compiling
from boxsup.near import counted
from boxsup.proposals.methods import make_box_proposer, packages, parse_settings
from boxsup.proposals.pool import Pool
from boxsup.proposals.pool_store import pools_writer, store_bytes
from boxsup.proposals.selection import WARM_UP, BoxProposer
from boxsup.random import generator
from boxsup.store.csv import write_csv
from boxsup.store.provenance import provenance

EXAMPLE = 'boxsup proposals make --catalogue results/data/demo/train --settings "$SETTINGS" --out pools.zarr'


class Timing(NamedTuple):
    """Seconds that the method took on one image, without reading and writing, and what it made."""

    image: str
    seconds: float
    candidates: int
    regions: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser)
    parser.add_argument("--shard", default="0/1", metavar="I/N", help="part I, from 0, of N parts of the split [0/1]")
    parser.add_argument("--settings", required=True, help="JSON of the method's settings; see config.yaml, proposals")
    add_output_arguments(parser, "the .zarr folder to write", outputs=_outputs, written=["timings"])
    parser.add_argument(
        "--timings", type=Path, metavar="CSV", help="table to write: seconds, candidates and regions of each image"
    )


def _outputs(args: argparse.Namespace) -> list[Path]:
    return [path for path in (args.out, args.timings) if path]


def run(*, catalogue: Path, shard: str, settings: str, out: Path, timings: Path | None) -> None:
    """Write the pools of one shard."""
    method = parse_settings(settings)
    propose = make_box_proposer(method)
    images = SplitTables(catalogue).shard(*part_of_all(shard, "--shard"))
    _compile(propose)
    measured = []
    inventory = read_inventory(catalogue, images.ids)
    made_from = None
    if inventory:
        hashes = inventory.image_hash(images.ids), inventory.box_hash(images.ids)
        made_from = proposals_from(json.loads(settings), *hashes)
    with (
        recording(out, made_from),
        pools_writer(out, images.ids, images.sizes, _attributes(method)) as writer,
    ):
        for image_id, pool, seconds in _pools(images, propose):
            writer.append(image_id, pool)
            measured.append(Timing(image_id, seconds, len(pool), pool.regions))
    # Not in the store: equal runs make equal stores.
    if timings:
        write_csv(timings, pd.DataFrame(measured, columns=list(Timing._fields)), "%.6f")
    _summarise(measured, out)


def _pools(catalogue: Catalogue, propose: BoxProposer) -> Iterator[tuple[str, Pool, float]]:
    """The id of each image, its pool, and the seconds that it took."""
    for row in tqdm(catalogue.rows(), "proposals", total=len(catalogue.images), unit="image", disable=None):
        image, boxes = row.photo(), corners_of(catalogue.boxes_of(row.image))
        start = time.perf_counter()
        pool = propose(image, row.image, boxes)
        yield row.image, pool, time.perf_counter() - start


def _attributes(settings: ProposalSettings) -> dict[str, Any]:
    return {
        "settings": settings.model_dump(),
        "versions": provenance("proposals", "numpy", "zarr", *packages(settings.method)),
    }


def _compile(propose: BoxProposer) -> None:
    """Run the method once on a small picture, so that the time of compiling is announced and not counted."""
    message = "boxsup proposals: compiling the loops, some 10 s, once per machine"
    noise = generator(0, "compile").integers(0, 256, (32, 32, 3), np.uint8)
    with when_compiling(partial(print, message, file=sys.stderr, flush=True)):
        propose(noise, WARM_UP, np.empty((0, 4), np.int64))


def _summarise(timings: Sequence[Timing], out: Path) -> None:
    images = max(len(timings), 1)
    candidates, seconds = sum(row.candidates for row in timings) / images, sum(row.seconds for row in timings) / images
    print(
        f"proposals: {counted(len(timings), 'image')}, {candidates:.0f} candidates, {seconds:.2f} s and "
        f"{store_bytes(out) / images / 1e3:.1f} KB per image -> {out}",
        file=sys.stderr,
    )
