"""`boxsup paper`: the page that compares measured results with those that the paper published."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from boxsup.commands.json_arguments import parse_object
from boxsup.commands.outputs import add_output_arguments
from boxsup.experiments.paper import SCALES
from boxsup.near import first_few
from boxsup.report.paper.page import TITLES, render
from boxsup.report.paper.results import comparison, measured, read_runs, values_table
from boxsup.store.atomic import atomic_write, write_text
from boxsup.store.csv import write_csv

EXAMPLE = 'boxsup paper --page paper --config "$CONFIG" --results results --tables tables --out paper.html'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    text = (
        "JSON: `full` and `small`, published name -> `name` and `settings` of an experiment; `datasets` and "
        "`proposals` that they name, and `starts`, experiments that they start from; `settings`, to compare with the "
        "paper's; `demo`, whether the small scale is generated data"
    )
    parser.add_argument("--page", required=True, help="name of the page")
    parser.add_argument("--config", required=True, help=text)
    parser.add_argument("--results", type=Path, required=True, help="folder of all results")
    parser.add_argument("--tables", type=Path, required=True, help="folder to write, with the tables as CSV")
    add_output_arguments(parser, "the .html file to write", outputs=_outputs, written=["tables"])


def _outputs(args: argparse.Namespace) -> list[Path]:
    return [args.tables, args.out]


def run(*, page: str, config: str, results: Path, tables: Path, out: Path) -> None:
    """Write the page, one HTML file that needs no other, and its tables."""
    settings = parse_object(config, (*SCALES, "datasets", "proposals", "starts", "settings", "demo"))
    found = {scale: read_runs(results, settings, scale) for scale in SCALES}
    runs = {scale: found[scale].runs for scale in SCALES}
    left_out = list(dict.fromkeys(text for scale in SCALES for text in found[scale].left_out))
    comparisons = {number: comparison(number, runs) for number in TITLES}
    values = values_table(settings["settings"])
    text = render(page, results, comparisons, values, runs, left_out, bool(settings["demo"]))
    done = [run for runs_of_scale in runs.values() for run in runs_of_scale.values()]
    with atomic_write(tables) as folder:
        folder.mkdir()
        for name, table in {
            **{f"table{number}": table for number, table in comparisons.items()},
            "values": values,
            "measured": measured(done),
        }.items():
            write_csv(folder / f"{name}.csv", table.round(2))
    write_text(out, text)
    if left_out:
        print(
            f"paper: left out, of other settings or of unknown ones: {first_few(left_out)}",
            file=sys.stderr,
        )
    print(f"paper: {len(done)} of its experiments have results: {out}", file=sys.stderr)
