"""The page that compares our results with the paper's: tables 1 to 5 and figures 3 to 6."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boxsup.again import started
from boxsup.catalogue.tables import read_catalogue
from boxsup.experiments.paper import SCALES
from boxsup.experiments.splits import Split
from boxsup.experiments.tree import Run
from boxsup.report.experiment.trimap import trimap_chart
from boxsup.report.paper.gallery import generation_rows, prediction_rows
from boxsup.report.paper.results import LABELS_TABLE, TEST_SERVER, PaperRun
from boxsup.report.shared.templates import NONE, percent_and_spread, render_template

TITLES = {
    1: "Supervision, VOC 2012 val",
    2: "Masks from boxes, VOC 2012 val",
    3: "Region proposals, VOC 2012 val",
    4: "VOC 2012 test",
    5: "PASCAL-Context val",
}
# Figure 4 shows those of BOUNDARIES that were run.
BOUNDARIES = ("voc_mask", "voc_coco_semi", "voc_semi", "voc_box", "voc_rectangles")
# Figures 3 and 5 show pictures of the first of MASKS that was run, figure 6 those of the first of CONTEXT.
MASKS = ("voc_box", "voc_box_greedy", "voc_semi")
CONTEXT = ("context_coco_box", "context_mask")
SCALE_NAMES = {"full": "at full size", "small": "at small scale"}

ARCHIVE = Run("voc_box", 0).archive(45, "test").as_posix()  # for the evaluation server


def render(
    name: str,
    results: Path,
    tables: Mapping[int, pd.DataFrame],
    values: pd.DataFrame,
    runs: Mapping[str, Mapping[str, PaperRun]],
    left_out: Sequence[str],
    demo: bool,
) -> str:
    """Make the page as HTML that loads no other file.

    Args:
        name: Name of the page.
        results: The folder of all results.
        tables: The tables of `comparison`, by number in the paper.
        values: The table of `values_table`.
        runs: Our runs by scale ("full" and "small") and by name of the published experiment.
        left_out: The runs on disk that were made with other settings, or do not say with which.
        demo: Whether the small scale is generated data.
    """
    return render_template(
        "paper/page.html.j2",
        archive=started().there(started().command([ARCHIVE])),
        name=name,
        demo=demo,
        scales={scale: SCALE_NAMES[scale] for scale in SCALES if runs.get(scale)},
        none_run=not any(runs.values()),
        left_out=left_out,
        tables=[_table(number, table) for number, table in tables.items()],
        values=values.to_dict("records"),
        boundaries=[_boundaries(scale, runs[scale]) for scale in SCALES if runs.get(scale)],
        masks=_masks(results, runs),
        predictions=[*_predictions(results, runs, 5, MASKS), *_predictions(results, runs, 6, CONTEXT)],
    )


def _table(number: int, table: pd.DataFrame) -> dict[str, Any]:
    """A table of the page: its rows as text, and for each scale the data of the scores."""
    rows = [
        {
            "row": row["row"],
            "published": _number(row["published"]),
            "cells": {scale: _cells(row, scale) for scale in SCALES},
        }
        for row in table.to_dict("records")
    ]
    data = {scale: sorted(set(filter(None, table[f"{scale}_data"]))) for scale in SCALES}
    return {
        "number": number,
        "title": TITLES[number],
        "rows": rows,
        "data": data,
        "labels": number == LABELS_TABLE,
        "server": number == TEST_SERVER,
    }


def _cells(row: Mapping[Hashable, Any], scale: str) -> dict[str, str]:
    # A run whose plain score is known and the other is not has no CRF.
    missing = "not measured" if np.isnan(row[f"{scale}_plain"]) else "no CRF"
    unknown = missing if row[f"{scale}_run"] else ""
    return {
        "score": percent_and_spread(row[scale] / 100, row[f"{scale}_spread"] / 100, none=unknown),
        "plain": _number(row[f"{scale}_plain"]),
        "boundary": _number(row[f"{scale}_boundary"]),
        "labels": _number(row[f"{scale}_labels"]),
        "seeds": str(row[f"{scale}_seeds"] or ""),
        "run": row[f"{scale}_run"],
    }


def _number(value: float) -> str:
    """Per cent with one decimal; "" for NaN: an empty cell means that nothing was run."""
    return "" if np.isnan(value) else f"{value:.1f}"


def _boundaries(scale: str, runs: Mapping[str, PaperRun]) -> dict[str, Any]:
    """Figure 4: mean IoU near true boundaries and away from them, of up to five runs."""
    series = {}
    for key in BOUNDARIES:
        tables = [seed.trimap for seed in runs[key].seeds if len(seed.trimap)] if key in runs else []
        if tables:
            run = runs[key]
            series[run.name if run.refined else f"{run.name} (no CRF)"] = tables
    chart = trimap_chart(f"trimap-{scale}", series, ["_crf"] * len(series)) if series else ""
    return {"scale": SCALE_NAMES[scale], "chart": chart, "names": list(series)}


def _masks(results: Path, runs: Mapping[str, Mapping[str, PaperRun]]) -> dict[str, Any]:
    """Figure 3: pseudo-masks over the generations."""
    run = _first(runs, MASKS)
    if run is None:
        return {"run": NONE, "rows": []}
    train = read_catalogue(Split(run.settings["dataset"], run.settings["train"], results).folder)
    return {"run": run.name, "rows": generation_rows(train, run.seeds[0].generations)}


def _predictions(
    results: Path, runs: Mapping[str, Mapping[str, PaperRun]], figure: int, keys: Sequence[str]
) -> list[dict[str, Any]]:
    """Figures 5 and 6: predictions beside the truth."""
    run = _first(runs, keys)
    if run is None:
        return []
    val = read_catalogue(Split(run.settings["dataset"], run.settings["val"], results).folder)
    groups = prediction_rows(val, run.seeds[0].predictions, run.refined)
    return [{"figure": figure, "run": run.name, "groups": groups, "refined": run.refined}]


def _first(runs: Mapping[str, Mapping[str, PaperRun]], keys: Sequence[str]) -> PaperRun | None:
    """The first of these experiments that was run; runs at full size come before those at small scale."""
    return next((runs[scale][key] for scale in SCALES for key in keys if key in runs.get(scale, {})), None)
