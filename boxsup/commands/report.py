"""`boxsup report`: the page of an experiment."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.argument_types import whole_number
from boxsup.commands.json_arguments import parse_object
from boxsup.commands.outputs import add_output_arguments
from boxsup.errors import StoreError
from boxsup.evaluation.held_out import evaluated
from boxsup.evaluation.tables import read_table
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments.page import timed_numbers
from boxsup.experiments.tree import PICTURES, ExperimentFolder
from boxsup.report.experiment.full_size import write_full_size
from boxsup.report.experiment.page import render, said_of_trained
from boxsup.report.experiment.results import read_evaluation, read_seed
from boxsup.report.experiment.timings import read_timings
from boxsup.store.atomic import write_text
from boxsup.store.labels import REFINED, Labels

EXAMPLE = (
    'boxsup report --experiment demo_semi --config "$CONFIG" --train results/data/demo/train --val '
    "results/data/demo/val --folder results/demo_semi --epochs 6 --out report.html"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--experiment", required=True, help="name of the experiment")
    parser.add_argument("--config", required=True, help="JSON with the settings `experiment`, `dataset`, `proposals`")
    parser.add_argument("--train", type=Path, required=True, help="folder of the training split's tables")
    parser.add_argument("--val", type=Path, required=True, help="folder of the evaluated split's tables")
    parser.add_argument("--folder", type=Path, required=True, help="folder of the experiment, results/EXPERIMENT")
    parser.add_argument("--trained", type=Path, help="results/EXPERIMENT of its networks, if it trains none itself")
    parser.add_argument("--epochs", type=whole_number, required=True, help="number of the last epoch")
    text = "JSON of experiments in the same folder to compare with: name -> `seeds` and `epochs`"
    parser.add_argument("--beside", default="{}", help=text)
    text = "JSON of searches over this experiment's settings: name -> table of `boxsup search`, which may not exist yet"
    parser.add_argument("--searches", default="{}", help=text)
    text = "JSON of Snakemake's benchmarks, for the times: stage -> files, with `*` for any number"
    parser.add_argument("--timings", default="{}", help=text)
    add_output_arguments(parser, "the .html file to write", outputs=_outputs)


def _outputs(args: argparse.Namespace) -> list[Path]:
    return [args.out.parent / PICTURES, args.out]


def run(
    *,
    experiment: str,
    config: str,
    train: Path,
    val: Path,
    folder: Path,
    trained: Path | None,
    epochs: int,
    beside: str,
    searches: str,
    timings: str,
    out: Path,
) -> None:
    """Write the page, one HTML file that needs no other, and the folder `pictures/` beside it, which it links to."""
    settings = parse_object(config, ("experiment", "dataset", "proposals"))
    others = parse_object(beside, option="--beside")
    benchmarks = parse_object(timings, option="--timings")
    tables = parse_object(searches, option="--searches")
    own_folder, trained_folder = ExperimentFolder.at(folder), ExperimentFolder.at(trained or folder)
    plan = ExperimentPlan.alone(experiment, {**settings["experiment"], "epochs": epochs})
    seeds = [read_seed(own_folder.run(seed), plan, trained_folder.run(seed)) for seed in plan.seeds]
    validation = settings["experiment"]["validation"]
    evaluated_split = evaluated(read_catalogue(val), validation["held_out"], validation["held_out_seed"])
    compared = {name: evaluations(ExperimentFolder(name, own_folder.results), other) for name, other in others.items()}
    training = read_catalogue(train)
    page = render(
        experiment,
        settings,
        folder,
        epochs,
        seeds,
        training,
        evaluated_split,
        others={name: evaluation for name, evaluation in compared.items() if evaluation},
        timings=read_timings(benchmarks, timed_numbers(plan)),
        searches={name: read_table(Path(path)) for name, path in tables.items() if Path(path).exists()},
    )
    full = set(page.full_size)
    shown = [row for row in evaluated_split.rows() if row.image in full]
    generations = seeds[0].generations
    labels = Labels(generations[max(generations)]) if generations else {}
    predictions = Labels(seeds[0].predictions, REFINED)
    write_full_size(out.parent / PICTURES, shown, predictions, training, page.training, labels)
    write_text(out, page.text)
    note = said_of_trained(page.trained_on, len(evaluated_split.ids))
    size = f"{len(page.text.encode()) / 1e6:.1f} MB"
    print(f"report: {out}: {size}{f'; {note}' if note else ''}", file=sys.stderr)


def evaluations(folder: ExperimentFolder, experiment: Mapping[str, Any]) -> list[pd.DataFrame]:
    """The evaluations of another experiment that exist, one table per seed."""
    tables = []
    for seed in experiment["seeds"]:
        with contextlib.suppress(StoreError):  # not run, or of an older form
            tables.append(read_evaluation(folder.run(seed).evaluation(experiment["epochs"])))
    return tables
