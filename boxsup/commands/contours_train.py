"""`boxsup contours train`: the contour network, from BSDS500."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import cv2
from tqdm import tqdm

from boxsup.commands.outputs import add_output_arguments
from boxsup.config.training import NetworkSettings
from boxsup.contours import bsds
from boxsup.errors import ConfigError

EXAMPLE = "boxsup contours train --bsds data/BSDS500 --out network.pt"

LINES = 20  # of progress in a log
ENCODER: Final = "mobilenet_v2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--bsds", type=Path, required=True, help=f"{bsds.WHERE}: images/ and groundTruth/")
    parser.add_argument("--splits", nargs="+", default=["train", "val"], help="what to learn from: train, val")
    parser.add_argument("--seed", type=int, default=0, help="of the start and of every draw")
    parser.add_argument("--steps", type=int, help="fewer for a trial; the recipe's number otherwise")
    add_output_arguments(parser, "the file of weights to write")


def run(args: argparse.Namespace) -> None:
    """Write the trained network, and how it was made."""
    from boxsup.contours.network import save_network
    from boxsup.contours.training import ContourTraining, train
    from boxsup.network.pretrained import imagenet_weights

    cv2.setNumThreads(1)
    recipe = ContourTraining() if args.steps is None else replace(ContourTraining(), steps=_positive(args.steps))
    images = [
        bsds.read(args.bsds, split, name)
        for split in _unique(args.splits)
        for name in tqdm(bsds.names(args.bsds, split), f"reading {split}", unit="image", disable=None)
    ]
    start = imagenet_weights(ENCODER, NetworkSettings(name=ENCODER, weights="imagenet", sha256=""))
    with _Progress(recipe.steps) as progress:
        network = train(images, start.weights, recipe, args.seed, progress.step)
    made = {
        "splits": args.splits,
        "images": len(images),
        "seed": args.seed,
        "recipe": asdict(recipe),
        "pretrained": {"file": start.file, "sha256": start.sha256},
        "versions": {name: version(name) for name in ("torch", "torchvision", "numpy")},
    }
    save_network(args.out, network, made)
    weights = sum(parameter.numel() for parameter in network.parameters())
    size = args.out.stat().st_size
    print(f"contours: {len(images)} images, {weights:,} weights, {size / 1e6:.2f} MB -> {args.out}", file=sys.stderr)


class _Progress:
    """A bar with the mean loss on a terminal, plain lines in a log."""

    def __init__(self, steps: int) -> None:
        self._steps, self._every, self._recent = steps, -(-steps // LINES), [0.0]
        self._bar = tqdm(total=steps, desc="contours", unit="step", disable=None)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def step(self, step: int, loss: float) -> None:
        self._recent.append(loss)
        self._recent = self._recent[-self._every :]
        self._bar.update()
        if step % self._every == 0 or step == self._steps:
            text = f"loss {sum(self._recent) / len(self._recent):.4f}"
            self._bar.set_postfix_str(text, refresh=False)
            if self._bar.disable:
                print(f"contours: step {step} of {self._steps}, {text}", file=sys.stderr, flush=True)


def _unique(splits: Sequence[str]) -> Sequence[str]:
    if len(set(splits)) != len(splits):
        raise ConfigError(f"--splits: each at most once, got {' '.join(splits)}")
    return splits


def _positive(steps: int) -> int:
    if steps < 1:
        raise ConfigError(f"--steps: expected at least 1, got {steps}")
    return steps
