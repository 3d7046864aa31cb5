"""`boxsup proposals make`: the candidate segments of one shard of a split."""

from __future__ import annotations

import argparse
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numba
import numpy as np
import scipy
from tqdm import tqdm

from boxsup.catalogue.tables import Catalogue, read_catalogue, read_image
from boxsup.errors import ConfigError
from boxsup.proposals.methods import make_proposer, parse_settings
from boxsup.proposals.pool import Pool, creating_pools
from boxsup.proposals.selection import WARM_UP, Proposer
from boxsup.random import generator
from boxsup.settings import ProposalSettings

QUIET_SECONDS = 2.0  # a compilation that takes longer is announced


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder with images.csv and boxes.csv")
    parser.add_argument("--shard", default="0/1", metavar="I/N", help="which of N parts of the split, from 0")
    parser.add_argument("--settings", required=True, help="JSON; see config.yaml, proposals")
    parser.add_argument("--out", type=Path, required=True, help="the .zarr folder to make")


def run(args: argparse.Namespace) -> None:
    """Make the pools of one shard."""
    settings = parse_settings(args.settings)
    propose = make_proposer(settings)
    catalogue = read_catalogue(args.catalogue).shard(*_shard(args.shard))
    cv2.setNumThreads(1)  # shards are what runs in parallel
    _compile(propose)
    start, candidates = time.perf_counter(), 0
    with creating_pools(args.out, catalogue.ids, catalogue.sizes, _attributes(settings)) as writer:
        for image_id, pool in _pools(catalogue, propose):
            writer.append(image_id, pool)
            candidates += len(pool)
    _summarise(len(catalogue.ids), candidates, time.perf_counter() - start, args.out)


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise ConfigError(f"--shard: expected I/N with I from 0 to N-1, such as 0/2, got {text}")
    return int(match[1]), int(match[2])


def _pools(catalogue: Catalogue, propose: Proposer) -> Iterator[tuple[str, Pool]]:
    rows = zip(catalogue.images["image"], catalogue.images["path"], strict=True)
    for image_id, path in tqdm(rows, "proposals", total=len(catalogue.images), unit="image", disable=None):
        yield image_id, propose(read_image(path), image_id)


def _attributes(settings: ProposalSettings) -> dict[str, Any]:
    libraries = {"numpy": np, "opencv": cv2, "numba": numba, "scipy": scipy}
    return {
        "settings": asdict(settings),
        "versions": {name: library.__version__ for name, library in libraries.items()},
    }


def _compile(propose: Proposer) -> None:
    """Run once on a small picture, so that a wait for the compiler is explained and not counted."""
    message = "boxsup proposals: compiling the loops, some 10 s, once a machine"
    notice = threading.Timer(QUIET_SECONDS, print, [message], {"file": sys.stderr, "flush": True})
    notice.daemon = True
    notice.start()
    noise = generator(0, "compile").integers(0, 256, (32, 32, 3), np.uint8)
    propose(noise, WARM_UP)
    notice.cancel()


def _summarise(images: int, candidates: int, seconds: float, out: Path) -> None:
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    each = max(images, 1)
    print(
        f"proposals: {images} images, {candidates / each:.0f} candidates, {seconds / each:.2f} s and "
        f"{size / each / 1e3:.1f} KB an image -> {out}",
        file=sys.stderr,
    )
