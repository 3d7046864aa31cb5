"""Arguments of commands that run a network: its checkpoint, threads, scales, bias and CRF."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from boxsup.commands.argument_types import number, scale, whole_number
from boxsup.inference.labelling import THREADS
from boxsup.inference.settings import ScoringSettings

MODEL_FILE = "the checkpoint, a model.pt"
MODEL_OR_RUN = f"{MODEL_FILE}, or the folder of a run or an experiment, for the epoch that its page shows"
OF_RUN = "as in the run"  # default of an argument that labelling.json of a run says


def add_model_arguments(parser: argparse.ArgumentParser, required: bool = True, of_run: bool = False) -> None:
    """Declare `--model` and `--threads`.

    Args:
        parser: The parser of the command.
        required: Whether the command needs a model.
        of_run: Whether the model may be the folder of a run. Arguments that are not given are then None, and the
            labelling.json of the run says them.
    """
    add_model_argument(parser, required, of_run)
    parser.add_argument(
        "--threads",
        type=whole_number,
        default=None if of_run else THREADS,
        metavar="N",
        help="threads of the network on the CPU; the last bits of scores depend on their number "
        f"[{_default(THREADS, of_run)}]",
    )


def add_model_argument(parser: argparse.ArgumentParser, required: bool = True, of_run: bool = False) -> None:
    """Declare `--model`; see `add_model_arguments`."""
    parser.add_argument("--model", type=Path, required=required, help=MODEL_OR_RUN if of_run else MODEL_FILE)


def add_scales_argument(parser: argparse.ArgumentParser, of_run: bool = False) -> None:
    """Declare `--scales`: the scales of the image at which scores are averaged; see `add_model_arguments`."""
    parser.add_argument(
        "--scales",
        type=scale,
        nargs="+",
        default=None if of_run else [1.0],
        metavar="S",
        help=f"scales of the images to average probabilities over, such as 0.8 1 1.2 [{_default(1, of_run)}]",
    )


def add_labelling_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--scales` and `--background-bias`, in place of those of a run."""
    add_scales_argument(parser, of_run=True)
    parser.add_argument(
        "--background-bias",
        type=number,
        metavar="NATS",
        help="added to the log-probability of the background: below 0, such as -0.5, more pixels become objects "
        f"[{_default(0, of_run=True)}]",
    )


def add_inference_arguments(parser: argparse.ArgumentParser, settings: type[ScoringSettings]) -> None:
    """Declare `--model`, and `--inference`: how the network is asked.

    Args:
        parser: The parser of the command.
        settings: The class whose fields are the keys of the JSON object `--inference`.
    """
    needed = [name for name, field in settings.model_fields.items() if field.is_required()]
    others = {name: field.default for name, field in settings.model_fields.items() if not field.is_required()}
    keys = ", ".join([*needed, *(f"{name}={json.dumps(value)}" for name, value in others.items())])
    parser.add_argument("--model", type=Path, required=True, help=MODEL_FILE)
    parser.add_argument(
        "--inference",
        required=bool(needed),
        default="{}",
        metavar="JSON",
        help=f"JSON with keys of `inference` in config.yaml, and `threads`: {keys}",
    )


def add_crf_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--crf`, whether the dense CRF refines labels, and `--config`, with its settings."""
    text = f"refine the labels by the dense CRF, or not [{OF_RUN}, or not]"
    parser.add_argument("--crf", action=argparse.BooleanOptionalAction, help=text)
    text = "settings of the CRF, laid over those of the run or of config.yaml"
    parser.add_argument("--config", type=Path, metavar="YAML", help=text)


def _default(value: float, of_run: bool) -> str:
    return f"{OF_RUN}, or {value}" if of_run else f"{value}"
