"""`boxsup contours`: train the contour network, or hold a detector against people's boundaries."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.contours import bsds
from boxsup.contours.benchmark import count, f_measure, precision_recall, score, thresholds
from boxsup.contours.detector import WEIGHTS, Detector, detector, network_detector
from boxsup.errors import ConfigError
from boxsup.settings import NetworkSettings
from boxsup.store.atomic import creating

LINES = 20  # of progress in a log
ENCODER = "mobilenet_v2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands and their arguments."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    train = actions.add_parser("train", help="train the network on BSDS500")
    _add_data(train)
    train.add_argument("--splits", nargs="+", default=["train", "val"], help="what to learn from: train, val")
    train.add_argument("--seed", type=int, default=0, help="of the start and of every draw")
    train.add_argument("--steps", type=int, help="fewer for a trial; the recipe's number otherwise")
    train.add_argument("--out", type=Path, required=True, help="the file of weights to write")
    train.set_defaults(action=_train)
    evaluate = actions.add_parser("evaluate", help="precision and recall of boundaries on BSDS500")
    _add_data(evaluate)
    evaluate.add_argument("--split", default="val", help="which images")
    which = evaluate.add_mutually_exclusive_group()
    which.add_argument("--model", type=Path, help="weights that `train` wrote; the package's own otherwise")
    which.add_argument("--gradient", action="store_true", help="the detector that nobody trained")
    evaluate.add_argument("--thresholds", type=int, default=99, help="how many; the benchmark's number by default")
    evaluate.add_argument("--out", type=Path, help="CSV of precision and recall at each threshold")
    evaluate.set_defaults(action=_evaluate)


def run(args: argparse.Namespace) -> None:
    """Do what was asked for."""
    args.action(args)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bsds", type=Path, required=True, help=f"{bsds.WHERE}: images/ and groundTruth/")


def _train(args: argparse.Namespace) -> None:
    """Write the trained network, and how it was made."""
    from boxsup.contours.network import save_network
    from boxsup.contours.training import Recipe, train
    from boxsup.network.pretrained import imagenet_weights

    cv2.setNumThreads(1)
    recipe = Recipe() if args.steps is None else replace(Recipe(), steps=_positive(args.steps, "--steps"))
    images = [
        bsds.read(args.bsds, split, name)
        for split in _unique(args.splits)
        for name in tqdm(bsds.names(args.bsds, split), f"reading {split}", unit="image", disable=None)
    ]
    start = imagenet_weights(ENCODER, NetworkSettings(ENCODER, "imagenet", ""))
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


def _evaluate(args: argparse.Namespace) -> None:
    """Print the scores and write the curve."""
    cv2.setNumThreads(1)
    levels = thresholds(_positive(args.thresholds, "--thresholds"))
    names = bsds.names(args.bsds, args.split)
    detect = _detector(args)
    counts = []
    for name in tqdm(names, "contours", unit="image", disable=None):
        annotated = bsds.read(args.bsds, args.split, name)
        counts.append(count(detect(annotated.image), annotated.boundaries, levels))
    scores = score(counts, levels)
    if args.out:
        _write_curve(args.out, np.sum(counts, axis=0), levels)
    print(
        f"contours: {len(counts)} images of {args.split}: ODS F {scores.ods:.3f} (at {scores.threshold:.2f}), "
        f"OIS F {scores.ois:.3f}, AP {scores.ap:.3f}"
    )


def _detector(args: argparse.Namespace) -> Detector:
    if args.gradient:
        return detector("gradient")
    from boxsup.contours.network import load_network

    path = args.model or WEIGHTS
    _, made = load_network(path)
    if args.split in made.get("splits", ()):
        print(f"contours: {path} was trained on {args.split}: no measure of how it does elsewhere", file=sys.stderr)
    return network_detector(path) if args.model else detector("network")


def _write_curve(path: Path, counts: NDArray[np.int64], levels: NDArray[np.float64]) -> None:
    precision, recall = precision_recall(counts)
    table = {"threshold": levels, "precision": precision, "recall": recall, "f": f_measure(precision, recall)}
    with creating(path) as partial:
        pd.DataFrame(table).to_csv(partial, index=False, float_format="%.6f")


def _unique(splits: Sequence[str]) -> Sequence[str]:
    if len(set(splits)) != len(splits):
        raise ConfigError(f"--splits: each at most once, got {' '.join(splits)}")
    return splits


def _positive(value: int, option: str) -> int:
    if value < 1:
        raise ConfigError(f"{option}: expected at least 1, got {value}")
    return value
