"""`boxsup trimap plot`: the page that shows the trimap analysis of several experiments in one figure."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from boxsup.commands.json_arguments import parse_object
from boxsup.commands.outputs import add_output_arguments
from boxsup.errors import ConfigError
from boxsup.evaluation.tables import read_table
from boxsup.report.experiment.trimap import render
from boxsup.report.shared.figures import SERIES
from boxsup.store.atomic import write_text

EXAMPLE = 'boxsup trimap plot --config "$CONFIG" --out trimap.html'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    text = (
        "JSON: `experiments`, name -> `evaluated` (on what), `refined` (whether a CRF refines its predictions) and "
        "`tables` (of `boxsup trimap measure`, one per seed)"
    )
    parser.add_argument("--config", required=True, help=text)
    add_output_arguments(parser, "the .html file to write")


def run(*, config: str, out: Path) -> None:
    """Write the page: one HTML file that needs no other."""
    experiments: dict[str, Any] = parse_object(config, ("experiments",))["experiments"]
    if not 1 <= len(experiments) <= len(SERIES):
        raise ConfigError(f"trimap plot: expected one to {len(SERIES)} experiments, got {len(experiments)}")
    series = {name: [read_table(Path(path)) for path in entry["tables"]] for name, entry in experiments.items()}
    unmeasured = [name for name, tables in series.items() if any(table.empty for table in tables)]
    if unmeasured:
        raise ConfigError(
            f"trimap plot: nothing is measured on the images that {unmeasured[0]} is evaluated on; take it off"
        )
    without = [name for name, entry in experiments.items() if not entry["refined"]]
    write_text(out, render(series, {name: entry["evaluated"] for name, entry in experiments.items()}, without))
