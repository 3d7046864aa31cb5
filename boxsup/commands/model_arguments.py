"""What commands ask a network with, declared once."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

from boxsup.inference.labelling import MAX_SCALE, THREADS
from boxsup.inference.settings import ScoringSettings

MODEL_FILE = "the checkpoint, a model.pt"
MODEL_OR_RUN = f"{MODEL_FILE}, or the folder of a run or an experiment: the epoch that its page shows"
OF_RUN = "the run's"  # what an argument is where it is not given, once a run's labelling.json says it


def add_model_arguments(parser: argparse.ArgumentParser, required: bool = True, of_run: bool = False) -> None:
    """Declare the checkpoint and the threads that it is run on.

    Args:
        parser: The command's.
        required: Whether the command does nothing without.
        of_run: Whether the folder of a run will do too, and what is not given is None: the run says it.
    """
    parser.add_argument("--model", type=Path, required=required, help=MODEL_OR_RUN if of_run else MODEL_FILE)
    parser.add_argument(
        "--threads",
        type=whole_number,
        default=None if of_run else THREADS,
        metavar="N",
        help=f"of the network on the CPU; scores depend on it in their last bits [{_default(THREADS, of_run)}]",
    )


def add_scales_argument(parser: argparse.ArgumentParser, of_run: bool = False) -> None:
    """Declare the scales of the image at which scores are averaged; see `add_model_arguments`."""
    parser.add_argument(
        "--scales",
        type=scale,
        nargs="+",
        default=None if of_run else [1.0],
        metavar="S",
        help=f"of the images, whose probabilities are averaged, for instance 0.8 1 1.2 [{_default(1, of_run)}]",
    )


def add_labelling_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the scales and what is added to the background's score, in place of what a run says."""
    add_scales_argument(parser, of_run=True)
    parser.add_argument(
        "--background-bias",
        type=number,
        metavar="NATS",
        help="added to the log-probability of the background: below 0, more is seen as objects, for instance -0.5 "
        f"[{OF_RUN}, or 0]",
    )


def add_inference_arguments(parser: argparse.ArgumentParser, settings: type[ScoringSettings]) -> None:
    """Declare the checkpoint, and how it is asked: a JSON object of the fields of `settings`."""
    needed = [name for name, field in settings.model_fields.items() if field.is_required()]
    others = {name: field.default for name, field in settings.model_fields.items() if not field.is_required()}
    text = ", ".join([*needed, *(f"{name}={json.dumps(value)}" for name, value in others.items())])
    parser.add_argument("--model", type=Path, required=True, help=MODEL_FILE)
    parser.add_argument(
        "--inference",
        required=bool(needed),
        default="{}",
        metavar="JSON",
        help=f"how it is asked, keys of `inference` in config.yaml and `training.threads`: {text}",
    )


def add_crf_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare whether the dense CRF refines labels, and with which settings."""
    text = f"refine the labels by the dense CRF, or not [{OF_RUN}, whose page shows them refined; no]"
    parser.add_argument("--crf", action=argparse.BooleanOptionalAction, help=text)
    text = f"keys laid over {OF_RUN} or config.yaml's: the CRF's settings"
    parser.add_argument("--config", type=Path, metavar="YAML", help=text)


def _default(value: float, of_run: bool) -> str:
    return f"{OF_RUN}, or {value}" if of_run else f"{value}"


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
