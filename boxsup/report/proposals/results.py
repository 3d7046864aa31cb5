"""Evaluations of several methods by `boxsup proposals evaluate`, and published results of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pandas as pd

from boxsup.evaluation.tables import read_table
from boxsup.experiments.splits import CandidateFiles

PUBLISHED_IMAGES = 1_449  # of VOC 2012 val


@dataclass(frozen=True, eq=False)
class Method:
    """One method on a split.

    Attributes:
        name: Name of the method in the configuration.
        summary: One row per budget, indexed by `budget` ("1" … "2000", "all"); see `boxsup.evaluation.proposals`.
        objects: One row per object, in the order of the catalogue.
        pools: Folder of the stores with its candidates.
    """

    name: str
    summary: pd.DataFrame
    objects: pd.DataFrame
    pools: Path


def read_method(folder: Path, name: str) -> Method:
    """Read `FOLDER/NAME/evaluation/{summary,objects}.csv`.

    Raises:
        StoreError: A table is missing.
    """
    candidates = CandidateFiles(folder / name)
    summary = read_table(candidates.summary, text=["budget"]).set_index("budget")
    return Method(name, summary, read_table(candidates.objects, text=["image"]), candidates.folder)


def published() -> dict[str, pd.DataFrame]:
    """Results of others on all 1,449 images of VOC val: for each method a table like `Method.summary`.

    The file names its source.
    """
    with files("boxsup.evaluation").joinpath("published.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, comment="#", dtype={"budget": str})
    return {str(name): rows.set_index("budget") for name, rows in table.groupby("method", sort=False)}


def rows_at(summary: pd.DataFrame, budgets: Sequence[str]) -> pd.DataFrame:
    """The rows of a summary at those of the given budgets that are less than all candidates, and the row of all."""
    less = summary["candidates"] < 0.97 * summary["candidates"].iloc[-1]
    kept = [budget for budget in budgets if budget in summary.index and less[budget]]
    return summary.loc[[*kept, "all"]]
