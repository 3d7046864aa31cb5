"""`boxsup join`: the tables of a union of splits."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from boxsup.catalogue.check import PROBLEMS
from boxsup.catalogue.row_starts import ROWS
from boxsup.catalogue.tables import read_catalogue, write_catalogue
from boxsup.catalogue.union import join
from boxsup.commands.outputs import add_output_arguments
from boxsup.evaluation.held_out import check_asked
from boxsup.experiments.splits import TABLES
from boxsup.near import counted
from boxsup.store.csv import unescape_texts, write_csv
from boxsup.store.limits import check_stack

EXAMPLE = "boxsup join --parts results/data/voc/trainaug results/data/coco/train --out tables"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--parts", type=Path, nargs="+", required=True, help="folders of the tables to join")
    add_output_arguments(parser, "folder of the union's tables and of problems.csv", (*TABLES, ROWS, PROBLEMS))


def run(*, parts: Sequence[Path], out: Path) -> None:
    """Write the tables of all parts as one, and their problems."""
    catalogue = join({str(part): read_catalogue(part) for part in parts})
    problems = pd.concat([pd.read_csv(part / PROBLEMS, dtype=str, keep_default_na=False) for part in parts])
    write_csv(out / PROBLEMS, unescape_texts(problems))
    check_asked(catalogue, out)
    check_stack(catalogue.ids, catalogue.sizes)
    write_catalogue(out, catalogue)
    boxes = counted(len(catalogue.boxes), "box", "boxes")
    print(f"join: {counted(len(catalogue.images), 'image')}, {boxes}", file=sys.stderr)
