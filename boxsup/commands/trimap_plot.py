"""`boxsup trimap plot`: the page that draws the error analysis of several experiments in one figure."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.report import parse_config
from boxsup.errors import ConfigError
from boxsup.evaluation.tables import read_table
from boxsup.report.experiment.trimap import render
from boxsup.report.shared.figures import SERIES
from boxsup.store.atomic import write_text

EXAMPLE = 'boxsup trimap plot --config "$CONFIG" --out trimap.html'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    text = "JSON: `experiments`, by name: `evaluated`, what on, and `tables`, one a seed of `boxsup trimap measure`"
    parser.add_argument("--config", required=True, help=text)
    add_output_arguments(parser, "the .html file to write")


def run(args: argparse.Namespace) -> None:
    """Write the page: one HTML file that asks for no other."""
    experiments: dict[str, Any] = parse_config(args.config, ("experiments",))["experiments"]
    if not 1 <= len(experiments) <= len(SERIES):
        raise ConfigError(f"trimap plot: expected one to {len(SERIES)} experiments, got {len(experiments)}")
    series = {name: [read_table(Path(path)) for path in entry["tables"]] for name, entry in experiments.items()}
    unknown = [name for name, tables in series.items() if any(table.empty for table in tables)]
    if unknown:
        raise ConfigError(
            f"trimap plot: nothing is measured on the images that {unknown[0]} is evaluated on; take it off"
        )
    write_text(args.out, render(series, {name: entry["evaluated"] for name, entry in experiments.items()}))
