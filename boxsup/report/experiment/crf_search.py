"""The search for the dense CRF's weights, as the page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import yaml

from boxsup.evaluation.measured import basis_text
from boxsup.report.shared.templates import percent

SYMBOLS = {"bilateral_weight": "w₁", "bilateral_xy": "σα", "bilateral_rgb": "σβ"}  # the symbols of the DeepLab paper


def crf_search_section(tables: Mapping[int, pd.DataFrame], inference: Mapping[str, Any]) -> dict[str, Any]:
    """The best points by round, the settings to paste, and all points from the best to the worst.

    Args:
        tables: The table of `boxsup crf-search` by seed, for the seeds that have one.
        inference: The settings `inference` of the experiment.

    Returns:
        An empty dict if there are no tables; otherwise `over`, the images and classes of the scores; `titles` of the
        settings that were searched; `best`, one row per seed and round; `all`, the points of the first `seed`; its
        best `settings` as YAML; and `taken`, whether the experiment has these settings already.
    """
    if not tables:
        return {}
    seed, first = next(iter(tables.items()))
    names = [name for name in first.columns if name in inference["crf"]]
    ordered = first.sort_values("mean_iou", ascending=False, kind="stable")
    best = {name: float(ordered[name].iloc[0]) for name in names}
    return {
        "over": basis_text(first),
        "titles": [SYMBOLS.get(name, name) for name in names],
        "best": [row for number, table in tables.items() for row in _best(number, table, names)],
        "seed": seed,
        "settings": yaml.safe_dump({"inference": {"crf": best}}, sort_keys=False).rstrip(),
        "taken": all(inference["crf"][name] == value for name, value in best.items()),
        "all": [[f"{row['round']:.0f}", *_point(row, names)] for _, row in ordered.iterrows()],
    }


def _best(seed: int, table: pd.DataFrame, names: list[str]) -> list[list[str]]:
    """One row per round: seed, round, number of points, and the best point so far."""
    rows = []
    for number, points in table.groupby("round").size().items():
        so_far = table[(table["round"] <= number).to_numpy()].sort_values("mean_iou", ascending=False, kind="stable")
        rows.append([str(seed), str(number), str(points), *_point(so_far.iloc[0], names)])
    return rows


def _point(row: pd.Series[Any], names: list[str]) -> list[str]:
    return [*(f"{row[name]:g}" for name in names), percent(row["mean_iou"])]
