"""The scores of an experiment by class, and those of other experiments to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from boxsup.evaluation.tables import BOUNDARY_COLUMNS
from boxsup.image.palette import css_colour
from boxsup.report.experiment.results import mean_and_spread
from boxsup.report.shared.templates import NONE, percent, percent_and_spread, rounded


def class_rows(evaluations: Sequence[pd.DataFrame]) -> list[dict[str, Any]]:
    """One row per class; the last row is the mean.

    Args:
        evaluations: The table of `boxsup evaluation` of each seed, indexed by class, `mean` last.

    Returns:
        The cells of each row as text, `fits`, the scores of boundaries with CRF, and `share`, the IoU with CRF in per
        cent as a number, for the bar.
    """
    rows = []
    pixels = evaluations[0]["truth_pixels"]
    for label, name in enumerate(evaluations[0].index):
        plain, crf = (_values(evaluations, column, label) for column in ("iou", "iou_crf"))
        mean = label == len(pixels) - 1
        share = mean_and_spread(crf)[0]
        gain = share - mean_and_spread(plain)[0]
        rows.append(
            {
                "name": name,
                "colour": "" if mean else css_colour(label),
                "plain": percent_and_spread(*mean_and_spread(plain)),
                "crf": percent_and_spread(*mean_and_spread(crf)),
                "share": rounded(100 * share, 1),
                "gain": NONE if np.isnan(gain) else f"{100 * gain:+.1f}".replace("-", "−"),
                "pixels": percent(pixels.iloc[label] / pixels.iloc[-1]) if pixels.iloc[-1] else NONE,
                "mean": mean,
                "fits": [
                    percent(mean_and_spread(_values(evaluations, f"{name}_crf", label))[0]) for name in BOUNDARY_COLUMNS
                ],
            }
        )
    return rows


def boundary_rows(evaluations: Sequence[pd.DataFrame]) -> list[dict[str, str]]:
    """The means of the scores of boundaries: a row a score, without and with CRF; none if none is measured."""
    titles = dict(zip(BOUNDARY_COLUMNS, ("Boundary IoU", "Boundary F"), strict=True))
    rows = []
    for name, title in titles.items():
        plain, crf = (mean_and_spread(_values(evaluations, f"{name}{end}", -1)) for end in ("", "_crf"))
        rows.append({"title": title, "plain": percent_and_spread(*plain), "crf": percent_and_spread(*crf)})
    return rows if any(row["plain"] != NONE for row in rows) else []


def scores_beside(others: Mapping[str, Sequence[pd.DataFrame]], own: pd.DataFrame) -> dict[str, list[float | None]]:
    """IoU by class of other experiments: with CRF, in per cent, mean over seeds; the best experiment comes first.

    Tables of other classes or other images are left out, and so are experiments where nothing is measured.

    Args:
        others: The evaluation tables of each experiment's seeds, by name of the experiment.
        own: An evaluation table of this experiment.
    """
    comparable = {name: [table for table in tables if _same_truth(table, own)] for name, tables in others.items()}
    means = {
        name: [mean_and_spread(_values(tables, "iou_crf", label))[0] for label in range(len(own))]
        for name, tables in comparable.items()
        if tables
    }
    measured = [name for name, values in means.items() if not np.isnan(values[-1])]
    order = sorted(measured, key=lambda name: -means[name][-1])
    return {name: [rounded(100 * value, 1) for value in means[name]] for name in order}


def with_other_truth(others: Mapping[str, Sequence[pd.DataFrame]], own: pd.DataFrame) -> list[str]:
    """The names of experiments with tables that `scores_beside` leaves out, of other classes or other images."""
    return [name for name, tables in others.items() if not all(_same_truth(table, own) for table in tables)]


def _same_truth(table: pd.DataFrame, own: pd.DataFrame) -> bool:
    """Whether two tables are over the same true masks, as far as they say: classes, images and pixels."""
    return table.index.equals(own.index) and all(
        table[column].tolist() == own[column].tolist() for column in ("images", "truth_pixels")
    )


def _values(evaluations: Sequence[pd.DataFrame], column: str, label: int) -> list[float]:
    """The scores of a class, one per seed."""
    return [float(table[column].iloc[label]) for table in evaluations]
