"""`boxsup paper`: what was measured beside what the paper published."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.report import parse_config
from boxsup.report.paper.page import TITLES, render
from boxsup.report.paper.results import SCALES, comparison, measured, read_runs, values_table
from boxsup.store.atomic import atomic_write, write_text
from boxsup.store.csv import write_csv

EXAMPLE = 'boxsup paper --page paper --config "$CONFIG" --results results --tables tables --out paper.html'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    text = (
        "JSON: `full` and `small`, published name -> `name` and `settings` of an experiment; `settings`, whose values "
        "stand beside the paper's; `demo`, whether the small scale is generated data"
    )
    parser.add_argument("--page", required=True, help="its name")
    parser.add_argument("--config", required=True, help=text)
    parser.add_argument("--results", type=Path, required=True, help="the folder of all results")
    parser.add_argument("--tables", type=Path, required=True, help="folder to write the tables to, as CSV")
    add_output_arguments(parser, "the .html file to write", outputs=_outputs, written=["tables"])


def _outputs(args: argparse.Namespace) -> list[Path]:
    return [args.tables, args.out]


def run(args: argparse.Namespace) -> None:
    """Write the page, one HTML file that asks for no other, and its tables."""
    config = parse_config(args.config, (*SCALES, "settings", "demo"))
    runs = {scale: read_runs(args.results, config[scale]) for scale in SCALES}
    tables = {number: comparison(number, runs) for number in TITLES}
    values = values_table(config["settings"])
    page = render(args.page, args.results, tables, values, runs, bool(config["demo"]))
    found = [run for own in runs.values() for run in own.values()]
    with atomic_write(args.tables) as folder:
        folder.mkdir()
        for name, table in {
            **{f"table{number}": table for number, table in tables.items()},
            "values": values,
            "measured": measured(found),
        }.items():
            write_csv(folder / f"{name}.csv", table.round(2))
    write_text(args.out, page)
    print(f"paper: {len(found)} of its experiments were run: {args.out}", file=sys.stderr)
