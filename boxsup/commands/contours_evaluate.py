"""`boxsup contours evaluate`: a contour detector against boundaries drawn by people, by the benchmark of BSDS500."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.commands.argument_types import whole_number
from boxsup.commands.outputs import add_output_arguments
from boxsup.contours import bsds as dataset
from boxsup.contours.benchmark import benchmark_scores, count_matches, f_measure, precision_recall
from boxsup.contours.benchmark import thresholds as evenly_spaced
from boxsup.contours.detector import WEIGHTS, Detector, detector, network_detector
from boxsup.machine.bars import tqdm
from boxsup.store.csv import write_csv

EXAMPLE = "boxsup contours evaluate --bsds data/BSDS500 --gradient"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--bsds", type=Path, required=True, help=f"{dataset.WHERE}: images/ and groundTruth/")
    parser.add_argument("--split", default="val", help="split to evaluate on [val]")
    detectors = parser.add_mutually_exclusive_group()
    detectors.add_argument("--model", type=Path, help="weights from `boxsup contours train` [the package's own]")
    detectors.add_argument(
        "--gradient", action="store_true", help="evaluate the gradient detector, which is not trained"
    )
    parser.add_argument("--thresholds", type=whole_number, default=99, metavar="N", help="number of thresholds [99]")
    add_output_arguments(parser, "CSV of precision and recall at each threshold", required=False)


def run(*, bsds: Path, split: str, model: Path | None, gradient: bool, thresholds: int, out: Path | None) -> None:
    """Print the scores and write the curve."""
    levels = evenly_spaced(thresholds)
    names = dataset.image_ids(bsds, split)
    detect = detector("gradient") if gradient else _network(model, split)
    counts = []
    for name in tqdm(names, "contours", unit="image", disable=None):
        annotated = dataset.read_annotated(bsds, split, name)
        counts.append(count_matches(detect(annotated.image), annotated.boundaries, levels))
    scores = benchmark_scores(counts, levels)
    if out:
        _write_curve(out, np.sum(counts, axis=0), levels)
    print(
        f"contours: {len(counts)} images of {split}: ODS F {scores.ods:.3f} (at {scores.threshold:.2f}), "
        f"OIS F {scores.ois:.3f}, AP {scores.ap:.3f}"
    )


def _network(model: Path | None, split: str) -> Detector:
    """The network detector; a warning where it was trained on the split."""
    from boxsup.contours.network import load_network

    path = model or WEIGHTS
    _, training = load_network(path)
    if split in training.get("splits", ()):
        print(
            f"contours: {path} was trained on {split}: no measure of how well it does on other images", file=sys.stderr
        )
    return network_detector(path) if model else detector("network")


def _write_curve(path: Path, counts: NDArray[np.int64], levels: NDArray[np.float64]) -> None:
    precision, recall = precision_recall(counts)
    table = {"threshold": levels, "precision": precision, "recall": recall, "f": f_measure(precision, recall)}
    write_csv(path, pd.DataFrame(table), "%.6f")
