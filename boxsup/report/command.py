"""`boxsup report`: the page of an experiment."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from boxsup.catalogue.tables import read_catalogue
from boxsup.errors import ConfigError
from boxsup.evaluation.held_out import evaluated
from boxsup.report.page import render
from boxsup.report.results import read_seed
from boxsup.store.atomic import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--experiment", required=True, help="its name")
    parser.add_argument("--config", required=True, help="JSON with `experiment`, `dataset` and `proposals`: settings")
    parser.add_argument("--train", type=Path, required=True, help="folder of the training split's tables")
    parser.add_argument("--val", type=Path, required=True, help="folder of the evaluated split's tables")
    parser.add_argument("--folder", type=Path, required=True, help="results/EXPERIMENT")
    parser.add_argument("--epochs", type=int, required=True, help="the last epoch")
    parser.add_argument("--out", type=Path, required=True, help="the .html file to write")


def run(args: argparse.Namespace) -> None:
    """Write the page: one HTML file that asks for no other."""
    config = parse_config(args.config, ("experiment", "dataset", "proposals"))
    seeds = [read_seed(args.folder, seed, args.epochs) for seed in config["experiment"]["seeds"]]
    validation = config["experiment"]["validation"]
    train = read_catalogue(args.train)
    val = evaluated(read_catalogue(args.val), validation["held_out"], validation["held_out_seed"])
    page = render(args.experiment, config, args.folder, args.epochs, seeds, train, val)
    write_text(args.out, page)
    print(f"report: {args.out}: {len(page) / 2**20:.1f} MiB", file=sys.stderr)


def parse_config(text: str, keys: Sequence[str]) -> dict[str, Any]:
    """The JSON object that a rule passes; raises a ConfigError unless it is one and has the given keys."""
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"--config: not JSON ({error})") from error
    missing = [key for key in keys if key not in config]
    if missing:
        raise ConfigError(f"--config: the key '{missing[0]}' is missing")
    return dict(config)
