"""The results of an experiment on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.errors import StoreError
from boxsup.evaluation.tables import BOUNDARY_COLUMNS, MEAN, read_table
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments.page import validated
from boxsup.experiments.tree import Run


@dataclass(frozen=True)
class SeedResults:
    """One run of an experiment: what its settings ask for, and nothing that an earlier configuration left.

    Attributes:
        seed: The seed of the run.
        evaluation: The table of `boxsup evaluation` after the last epoch, indexed by class, `mean` last.
        loss: Training loss of every iteration in order; empty if no epoch was trained.
        validation: Mean IoU without CRF, in [0, 1], by epoch, for the epochs where it was measured.
        quality: The rows of `boxsup label-quality`, by rising `generation`; empty if there are none.
        generations: The store of each generation, by rising number.
        predictions: The store of predictions after the last epoch.
        trimap: The table of `boxsup trimap measure` after the last epoch; empty if there is none.
        crf_search: The table of `boxsup crf-search` after the last epoch; empty if there is none.
    """

    seed: int
    evaluation: pd.DataFrame
    loss: NDArray[np.float64]
    validation: dict[int, float]
    quality: pd.DataFrame
    generations: dict[int, Path]
    predictions: Path
    trimap: pd.DataFrame
    crf_search: pd.DataFrame


def read_seed(run: Run, plan: ExperimentPlan, trained: Run | None = None) -> SeedResults:
    """Read the results of a run.

    Files of epochs, generations and points of the learning curve that the plan does not ask for are ignored: Snakemake
    leaves them where they are, and they belong to an earlier configuration.

    Args:
        run: The run, which knows where its results lie.
        plan: What the experiment needs.
        trained: The run of another experiment that trained the networks; None if this run did.

    Raises:
        StoreError: The evaluation after the last epoch is missing or of an older form. Anything else may be missing.
    """
    trained = trained or run
    epochs, generations = plan.epochs, plan.generations()
    training = _tables([trained.epoch(epoch).progress for epoch in range(1, epochs + 1)])
    curve = {epoch: path for epoch in validated(plan) if (path := run.epoch(epoch).validation).exists()}
    stores = {number: trained.labels(number) for number in generations}
    return SeedResults(
        seed=int(run.seed),
        evaluation=read_evaluation(run.evaluation(epochs)),
        loss=np.concatenate([table["loss"].to_numpy(np.float64) for table in training] or [np.zeros(0)]),
        validation={epoch: mean for epoch, path in curve.items() if not np.isnan(mean := _mean(read_table(path)))},
        quality=pd.concat(_tables(list(map(trained.quality, generations))) or [pd.DataFrame()]),
        generations={number: path for number, path in stores.items() if path.is_dir()},
        predictions=run.predictions(epochs),
        trimap=_table(run.trimap(epochs)),
        crf_search=_table(run.crf_search(epochs)),
    )


def read_evaluation(path: Path) -> pd.DataFrame:
    """The table of `boxsup evaluation`, indexed by class.

    Raises:
        StoreError: The table is missing, or it lacks scores, or what they are over.
    """
    table = read_table(path)
    if not {"objects", *BOUNDARY_COLUMNS} <= set(table.columns):
        raise StoreError(f"{path}: lacks columns of an evaluation; make it again with Snakemake")
    return table.set_index("class")


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation over seeds. NaN values are ignored; the deviation of one value is NaN.

    >>> mean_and_spread([1.0, 3.0, float("nan")])
    (2.0, 1.4142135623730951)
    """
    known = np.array([value for value in values if not np.isnan(value)])
    mean = float(known.mean()) if len(known) else float("nan")
    return mean, float(known.std(ddof=1)) if len(known) > 1 else float("nan")


def _tables(paths: list[Path]) -> list[pd.DataFrame]:
    return [read_table(path) for path in paths if path.exists()]


def _table(path: Path) -> pd.DataFrame:
    return read_table(path) if path.exists() else pd.DataFrame()


def _mean(table: pd.DataFrame) -> float:
    return float(table.set_index("class")["iou"][MEAN])
