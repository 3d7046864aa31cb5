"""`boxsup report`: the page of an experiment."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.errors import ConfigError, StoreError
from boxsup.evaluation.held_out import evaluated
from boxsup.evaluation.tables import read_table
from boxsup.experiments.tree import PICTURES, ExperimentFolder
from boxsup.report.experiment.full_size import write_full_size
from boxsup.report.experiment.page import render
from boxsup.report.experiment.predictions import VIEWS
from boxsup.report.experiment.results import read_evaluation, read_seed
from boxsup.report.experiment.timings import read_timings
from boxsup.store.atomic import write_text
from boxsup.store.labels import Labels

EXAMPLE = (
    'boxsup report --experiment demo_semi --config "$CONFIG" --train results/data/demo/train --val '
    "results/data/demo/val --folder results/demo_semi --epochs 6 --out report.html"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--experiment", required=True, help="its name")
    parser.add_argument("--config", required=True, help="JSON with `experiment`, `dataset` and `proposals`: settings")
    parser.add_argument("--train", type=Path, required=True, help="folder of the training split's tables")
    parser.add_argument("--val", type=Path, required=True, help="folder of the evaluated split's tables")
    parser.add_argument("--folder", type=Path, required=True, help="results/EXPERIMENT")
    parser.add_argument("--trained", type=Path, help="results/EXPERIMENT of its networks, where it trains none itself")
    parser.add_argument("--epochs", type=int, required=True, help="the last epoch")
    text = (
        "JSON: experiment -> its `seeds` and `epochs`: those beside it in the same folder that the page compares with"
    )
    parser.add_argument("--beside", default="{}", help=text)
    text = "JSON: name -> table of `boxsup search` over this experiment's settings; those that are there are shown"
    parser.add_argument("--searches", default="{}", help=text)
    text = "JSON: stage -> folders or files of Snakemake's benchmarks, whose times the page shows"
    parser.add_argument("--timings", default="{}", help=text)
    add_output_arguments(parser, "the .html file to write", outputs=_outputs)


def _outputs(args: argparse.Namespace) -> list[Path]:
    return [args.out.parent / PICTURES, args.out]


def run(args: argparse.Namespace) -> None:
    """Write the page, one HTML file that asks for no other, and beside it `pictures/`, to which it links."""
    config = parse_config(args.config, ("experiment", "dataset", "proposals"))
    options = {"--beside": args.beside, "--timings": args.timings, "--searches": args.searches}
    others, places, searches = (parse_config(text, (), option) for option, text in options.items())
    own, trained = ExperimentFolder.at(args.folder), ExperimentFolder.at(args.trained or args.folder)
    seeds = [read_seed(own.run(seed), args.epochs, trained.run(seed)) for seed in config["experiment"]["seeds"]]
    validation = config["experiment"]["validation"]
    train = read_catalogue(args.train)
    val = evaluated(read_catalogue(args.val), validation["held_out"], validation["held_out_seed"])
    page = render(
        args.experiment,
        config,
        args.folder,
        args.epochs,
        seeds,
        train,
        val,
        others={
            name: tables
            for name, other in others.items()
            if (tables := evaluations(ExperimentFolder(name, own.results), other))
        },
        timings=read_timings(places, args.epochs),
        searches={name: read_table(Path(path)) for name, path in searches.items() if Path(path).exists()},
    )
    full = set(page.full)
    shown = [row for row in val.rows() if row.image in full]
    write_full_size(args.out.parent / PICTURES, shown, Labels(seeds[0].predictions, VIEWS[0]))
    write_text(args.out, page.text)
    print(f"report: {args.out}: {len(page.text.encode()) / 1e6:.1f} MB", file=sys.stderr)


def evaluations(folder: ExperimentFolder, experiment: Mapping[str, Any]) -> list[pd.DataFrame]:
    """The evaluations of another experiment, as far as they are there, a table a seed."""
    paths = [folder.run(seed).evaluation(experiment["epochs"]) for seed in experiment["seeds"]]
    found = []
    for path in paths:
        with contextlib.suppress(StoreError):  # not run, or of an older form
            found.append(read_evaluation(path))
    return found


def parse_config(text: str, keys: Sequence[str], option: str = "--config") -> dict[str, Any]:
    """The JSON object that a rule passes; raises a ConfigError unless it is one and has the given keys."""
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{option}: not JSON ({error})") from error
    if not isinstance(config, dict):
        raise ConfigError(f"{option}: not a JSON object")
    missing = [key for key in keys if key not in config]
    if missing:
        raise ConfigError(f"{option}: the key '{missing[0]}' is missing")
    return config
