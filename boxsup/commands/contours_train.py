"""`boxsup contours train`: the contour network, from BSDS500."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

from boxsup.commands.argument_types import from_zero, whole_number
from boxsup.commands.outputs import add_output_arguments
from boxsup.config.training import NetworkSettings
from boxsup.contours import bsds as dataset
from boxsup.errors import ConfigError
from boxsup.machine.bars import LossBar, tqdm
from boxsup.near import counted

EXAMPLE = "boxsup contours train --bsds data/BSDS500 --out network.pt"

ENCODER: Final = "mobilenet_v2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--bsds", type=Path, required=True, help=f"{dataset.WHERE}: images/ and groundTruth/")
    parser.add_argument("--splits", nargs="+", default=["train", "val"], help="splits to train on [train val]")
    parser.add_argument("--seed", type=from_zero, default=0, help="seed of the first weights and of every draw")
    parser.add_argument(
        "--steps", type=whole_number, metavar="N", help="number of steps, fewer for a trial [that of the recipe]"
    )
    add_output_arguments(parser, "the .pt file of weights to write")


def run(*, bsds: Path, splits: Sequence[str], seed: int, steps: int | None, out: Path) -> None:
    """Write the trained network and a record of how it was trained."""
    from boxsup.contours.network import save_network
    from boxsup.contours.training import ContourTraining, train
    from boxsup.network.pretrained import imagenet_weights

    recipe = ContourTraining() if steps is None else replace(ContourTraining(), steps=steps)
    images = [
        dataset.read_annotated(bsds, split, name)
        for split in _unique(splits)
        for name in tqdm(dataset.image_ids(bsds, split), f"reading {split}", unit="image", disable=None)
    ]
    start = imagenet_weights(ENCODER, NetworkSettings(name=ENCODER, weights="imagenet", sha256=""))
    with LossBar("contours") as bar:
        network = train(images, start.weights, recipe, seed, bar.step)
    record = {
        "splits": list(splits),
        "images": len(images),
        "seed": seed,
        "recipe": asdict(recipe),
        "pretrained": {"file": start.file, "sha256": start.sha256},
        "versions": {name: version(name) for name in ("torch", "numpy")},
    }
    save_network(out, network, record)
    weights = sum(parameter.numel() for parameter in network.parameters())
    size = out.stat().st_size
    print(
        f"contours: {counted(len(images), 'image')}, {weights:,} weights, {size / 1e6:.2f} MB -> {out}", file=sys.stderr
    )


def _unique(splits: Sequence[str]) -> Sequence[str]:
    if len(set(splits)) != len(splits):
        raise ConfigError(f"--splits: each at most once, got {' '.join(splits)}")
    return splits
