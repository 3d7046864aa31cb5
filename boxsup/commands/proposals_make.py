"""`boxsup proposals make`: the candidate segments of one shard of a split."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from boxsup.catalogue.changes import proposals_from, recording
from boxsup.catalogue.inventory import read_inventory
from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.config.proposals import ProposalSettings
from boxsup.errors import ConfigError
from boxsup.image.files import read_image
from boxsup.machine.compiled import when_compiling
from boxsup.proposals.methods import make_proposer, packages, parse_settings
from boxsup.proposals.pool import Pool, pools_writer, store_bytes
from boxsup.proposals.selection import WARM_UP, Proposer
from boxsup.random import generator
from boxsup.store.csv import write_csv
from boxsup.store.provenance import provenance

EXAMPLE = 'boxsup proposals make --catalogue results/data/demo/train --settings "$SETTINGS" --out pools.zarr'


class Timing(NamedTuple):
    """What one image took: seconds of the method alone, without reading and writing, and what came of it."""

    image: str
    seconds: float
    candidates: int
    regions: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder with images.csv and boxes.csv")
    parser.add_argument("--shard", default="0/1", metavar="I/N", help="which of N parts of the split, from 0")
    parser.add_argument("--settings", required=True, help="JSON; see config.yaml, proposals")
    add_output_arguments(parser, "the .zarr folder to make", outputs=_outputs, written=["timings"])
    parser.add_argument("--timings", type=Path, help="a .csv file to write: seconds, candidates, regions of each image")


def _outputs(args: argparse.Namespace) -> list[Path]:
    return [path for path in (args.out, args.timings) if path]


def run(args: argparse.Namespace) -> None:
    """Make the pools of one shard."""
    settings = parse_settings(args.settings)
    propose = make_proposer(settings)
    catalogue = read_catalogue(args.catalogue).shard(*_shard(args.shard))
    cv2.setNumThreads(1)  # shards are what runs in parallel
    _compile(propose)
    timings = []
    inventory = read_inventory(args.catalogue)
    made_from = proposals_from(json.loads(args.settings), inventory.pixels(catalogue.ids)) if inventory else None
    with (
        recording(args.out, made_from),
        pools_writer(args.out, catalogue.ids, catalogue.sizes, _attributes(settings)) as writer,
    ):
        for image_id, pool, seconds in _pools(catalogue, propose):
            writer.append(image_id, pool)
            timings.append(Timing(image_id, seconds, len(pool), pool.regions))
    # Beside the store and not in it: equal runs make equal stores.
    if args.timings:
        write_csv(args.timings, pd.DataFrame(timings, columns=list(Timing._fields)), "%.6f")
    _summarise(timings, args.out)


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise ConfigError(f"--shard: expected I/N with I from 0 to N-1, such as 0/2, got {text}")
    return int(match[1]), int(match[2])


def _pools(catalogue: Catalogue, propose: Proposer) -> Iterator[tuple[str, Pool, float]]:
    """Image ids and their pools, and the seconds that each took."""
    rows = zip(catalogue.images["image"], catalogue.images["path"], strict=True)
    for image_id, path in tqdm(rows, "proposals", total=len(catalogue.images), unit="image", disable=None):
        image = read_image(path)
        start = time.perf_counter()
        pool = propose(image, image_id)
        yield image_id, pool, time.perf_counter() - start


def _attributes(settings: ProposalSettings) -> dict[str, Any]:
    return {
        "settings": settings.model_dump(),
        "versions": provenance("proposals", "numpy", "zarr", *packages(settings.method)),
    }


def _compile(propose: Proposer) -> None:
    """Run once on a small picture, so that a wait for the compiler is explained and not counted."""
    message = "boxsup proposals: compiling the loops, some 10 s, once a machine"
    noise = generator(0, "compile").integers(0, 256, (32, 32, 3), np.uint8)
    with when_compiling(partial(print, message, file=sys.stderr, flush=True)):
        propose(noise, WARM_UP)


def _summarise(timings: Sequence[Timing], out: Path) -> None:
    each = max(len(timings), 1)
    candidates, seconds = sum(row.candidates for row in timings) / each, sum(row.seconds for row in timings) / each
    print(
        f"proposals: {len(timings)} images, {candidates:.0f} candidates, {seconds:.2f} s and "
        f"{store_bytes(out) / each / 1e3:.1f} KB an image -> {out}",
        file=sys.stderr,
    )
