"""What the label update should be: variants of it measured on real photographs, one question at a time.

    make study-update

Two kinds of measurement, both on the training split, whose true masks judge and never train:

* one step: a network is trained on labels by overlap alone; each variant then makes one generation from its scores.
  What a variant is better by is not hidden by what the loop makes of it, and a variant takes seconds. Images are
  split into a third (every third of the list), on which values are chosen, and the rest, which confirms them.
* whole loops: labels, an epoch, labels, … as an experiment runs them, for what only shows over time.

Writes tables and figures of both, `update_steps` and `update_loops`, to the folder `--out`; loops that are in its table
already are not run again.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
from pathlib import Path

import pandas as pd
import torch
import yaml
from loops import loops, run_loop
from plots import plot_loops, plot_steps
from sources import Data
from steps import one_steps, trained_networks
from variants import step_variants

from boxsup.catalogue.tables import read_catalogue
from boxsup.config.build import build
from boxsup.config.files import merge
from boxsup.config.inference import CrfSettings
from boxsup.config.resolve import resolve

ROOT = Path(__file__).parents[2]


def wanted(text: str, epochs: int) -> tuple[str, list[int], int]:
    """Name, seeds and epochs of `NAME[:SEED,SEED…[:EPOCHS]]`."""
    name, seeds, number = (*text.split(":"), "", "")[:3]
    return name, [int(seed) for seed in (seeds or "0").split(",")], int(number or epochs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "benchmarks/voc240.yaml", help="merged over config.yaml")
    parser.add_argument("--experiment", default="voc240_box_greedy", help="whose data, network and training")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/results", help="folder of the tables")
    parser.add_argument("--name", default="update", help="what the tables' names begin with")
    parser.add_argument("--loops", nargs="*", default=["default:0,1,2", "paper:0"], help="NAME[:SEEDS[:EPOCHS]] …")
    parser.add_argument("--no-steps", action="store_true", help="whole loops only")
    parser.add_argument("--questions", nargs="*", help="of the steps; rows of others are kept")
    args = parser.parse_args()
    torch.set_num_threads(2)
    base = yaml.safe_load((ROOT / "config.yaml").read_text())
    more = yaml.safe_load(args.config.read_text()) if args.config != ROOT / "config.yaml" else {}
    experiment = resolve(merge(base, more))["experiments"][args.experiment]
    data = Data.read(ROOT / "results/data" / experiment["dataset"], experiment["proposals"])
    paper = base["updates"]["paper"]
    if not args.no_steps:
        masked = read_catalogue(ROOT / "results/data" / experiment["dataset"] / "masks")
        crf = build(CrfSettings, experiment["inference"]["crf"], "crf")
        variants = step_variants(paper, crf, data.filling_rates(masked.ids))
        chosen = [variant for variant in variants if not args.questions or variant.question in args.questions]
        table = one_steps(data, experiment, chosen, trained_networks(data, experiment))
        path = args.out / f"{args.name}_steps.csv"
        if args.questions and path.exists():
            kept = pd.read_csv(path)
            table = pd.concat([kept[~kept["question"].isin(args.questions)], table], ignore_index=True)
        table.to_csv(path, index=False, float_format="%.2f")
        plot_steps(table, args.out / f"{args.name}_steps.png")
    path = args.out / f"{args.name}_loops.csv"
    done = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["loop", "seed", "epochs"])
    for text in args.loops:
        name, seeds, epochs = wanted(text, experiment["epochs"])
        for seed in seeds:
            if ((done["loop"] == name) & (done["seed"] == seed) & (done["epochs"] == epochs)).any():
                continue
            rows = run_loop(data, experiment, loops(paper)[name], seed, epochs)
            done = pd.concat([done, rows], ignore_index=True) if len(done) else rows
            done.to_csv(path, index=False, float_format="%.4f")
    if len(done):
        plot_loops(done, args.out / f"{args.name}_loops.png")


if __name__ == "__main__":
    main()
