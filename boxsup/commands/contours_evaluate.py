"""`boxsup contours evaluate`: a contour detector against people's boundaries, by the benchmark of BSDS500."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.commands.outputs import add_output_arguments
from boxsup.contours import bsds
from boxsup.contours.benchmark import benchmark_scores, count_matches, f_measure, precision_recall, thresholds
from boxsup.contours.detector import WEIGHTS, Detector, detector, network_detector
from boxsup.errors import ConfigError
from boxsup.store.csv import write_csv

EXAMPLE = "boxsup contours evaluate --bsds data/BSDS500 --gradient"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--bsds", type=Path, required=True, help=f"{bsds.WHERE}: images/ and groundTruth/")
    parser.add_argument("--split", default="val", help="which images")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", type=Path, help="weights that `train` wrote; the package's own otherwise")
    which.add_argument("--gradient", action="store_true", help="the detector that nobody trained")
    parser.add_argument("--thresholds", type=int, default=99, help="how many; the benchmark's number by default")
    add_output_arguments(parser, "CSV of precision and recall at each threshold", required=False)


def run(args: argparse.Namespace) -> None:
    """Print the scores and write the curve."""
    cv2.setNumThreads(1)
    if args.thresholds < 1:
        raise ConfigError(f"--thresholds: expected at least 1, got {args.thresholds}")
    levels = thresholds(args.thresholds)
    names = bsds.image_ids(args.bsds, args.split)
    detect = _detector(args)
    counts = []
    for name in tqdm(names, "contours", unit="image", disable=None):
        annotated = bsds.read_annotated(args.bsds, args.split, name)
        counts.append(count_matches(detect(annotated.image), annotated.boundaries, levels))
    scores = benchmark_scores(counts, levels)
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
    write_csv(path, pd.DataFrame(table), "%.6f")
