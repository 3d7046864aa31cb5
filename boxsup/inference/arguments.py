"""What commands ask a network with, declared once."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

THREADS = 4  # as `training.threads` in config.yaml
MAX_SCALE = 4.0


MODEL_FILE = "the checkpoint, a model.pt"
MODEL_OR_RUN = f"{MODEL_FILE}, or the folder of a run or an experiment: its last epoch"


def add_model_arguments(parser: argparse.ArgumentParser, required: bool = True, what: str = MODEL_FILE) -> None:
    """Declare the checkpoint and the threads that it is run on; `what` helps with the former."""
    parser.add_argument("--model", type=Path, required=required, help=what)
    parser.add_argument(
        "--threads",
        type=whole_number,
        default=THREADS,
        metavar="N",
        help=f"of the network on the CPU; results depend on it in the last bits of scores [{THREADS}]",
    )


def add_scales_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the scales of the image at which scores are averaged."""
    parser.add_argument(
        "--scales",
        type=scale,
        nargs="+",
        default=[1.0],
        metavar="S",
        help="of the images, whose probabilities are averaged, for instance 0.8 1 1.2 [1]",
    )


def add_labelling_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what labels are decided by: the scales, and what is added to the background's score."""
    add_scales_argument(parser)
    parser.add_argument(
        "--background-bias",
        type=number,
        default=0.0,
        metavar="NATS",
        help="added to the log-probability of the background: below 0, more is seen as objects, for instance -0.5 [0]",
    )


def whole_number(text: str) -> int:
    """A number from 1 on, as `argparse` asks for it."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got '{text}'")
    return int(text)


def number(text: str) -> float:
    """A finite number, as `argparse` asks for it."""
    value = _float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number, got '{text}'")
    return value


def scale(text: str) -> float:
    """A scale of images, as `argparse` asks for it."""
    value = _float(text)
    if not 0 < value <= MAX_SCALE:
        raise argparse.ArgumentTypeError(f"expected a number above 0, at most {MAX_SCALE:g}, got '{text}'")
    return value


def _float(text: str) -> float:
    """The number that a text says, or NaN."""
    try:
        return float(text)
    except ValueError:
        return math.nan
