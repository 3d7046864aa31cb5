"""The course of training: learning curves, and the quality of the pseudo-masks by generation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from boxsup.evaluation.measured import basis_text
from boxsup.evaluation.quality import ALL_KEPT
from boxsup.report.experiment.results import SeedResults
from boxsup.report.shared.figures import Line, line_chart, smoothed
from boxsup.report.shared.templates import NONE, percent

SPAN_PERCENT, SPAN_RATIO = 5.0, 0.1  # the least range of an axis
QUALITY_COLUMNS = {  # column of the quality table: (title on the page, kind of number)
    "generation": ("Generation", "count"),
    "boxes": ("Boxes", "count"),
    "miou": ("mIoU %", "percent"),
    "boundary_iou": ("Boundary IoU %", "percent"),
    "boundary_f": ("Boundary F %", "percent"),
    "fill": ("Fill", "ratio"),
    "box_fill": ("Box fill", "ratio"),
    "changed": ("Changed %", "percent"),
    "rectangles": ("Not fitted %", "percent"),
}


def curve_section(seeds: Sequence[SeedResults]) -> dict[str, Any]:
    """Charts of the training loss and of mean IoU on the evaluated split; "" for a chart without points."""
    losses = [
        Line(_once(i, "loss"), *smoothed(seed.loss), "blue", dots=False)
        for i, seed in enumerate(seeds)
        if len(seed.loss)
    ]
    points = [
        Line(_once(i, "without CRF"), *_xy(seed.validation, 100), "blue")
        for i, seed in enumerate(seeds)
        if seed.validation
    ]
    validation = line_chart("validation", points, "epoch", "mIoU (%)", span=SPAN_PERCENT) if points else ""
    return {
        "loss": Markup(line_chart("loss", losses, "iteration", "training loss")) if losses else "",
        "validation": Markup(validation),
        "iterations": max(len(seed.loss) for seed in seeds),
    }


def quality_section(seeds: Sequence[SeedResults]) -> dict[str, Any]:
    """Table and charts of the quality of the pseudo-masks: one row per generation, means over the seeds."""
    tables = [seed.quality.set_index("generation", drop=False) for seed in seeds if len(seed.quality)]
    if not tables or not sum(table["boxes"].sum() for table in tables):
        return {
            "rows": [],
            "titles": [],
            "charts": [],
            "all_keep_masks": _all_keep_masks(tables),
            "no_boxes": len(tables) > 0,
        }
    mean = pd.concat(tables).groupby(level=0).mean(numeric_only=True)
    # No columns of dashes.
    columns = {name: of for name, of in QUALITY_COLUMNS.items() if mean[name].notna().any()}
    rows = [[_shown(row[column], kind) for column, (_, kind) in columns.items()] for _, row in mean.iterrows()]
    charts = []
    if len(mean) > 1:
        charts = [
            _quality_chart(
                "quality", tables, {"miou": ("mIoU", "green"), "changed": ("changed boxes", "orange")}, "%", 100
            ),
            _quality_chart(
                "filling", tables, {"fill": ("fill", "purple"), "box_fill": ("box fill", "blue")}, "ratio", 1
            ),
        ]
    return {
        "rows": rows,
        "titles": [title for title, _ in columns.values()],
        "columns": list(columns),
        "charts": [Markup(chart) for chart in charts],
        "warnings": _warnings(seeds),
        "single": len(mean) == 1,
        "truth": bool(mean["images"].max() > 0),
        "over": basis_text(tables[0]),
        "note": "" if tables[0]["note"].isna().all() else str(tables[0]["note"].iloc[0]),
    }


def _all_keep_masks(tables: Sequence[pd.DataFrame]) -> bool:
    """Whether there are tables and every image keeps its true mask in all of their generations."""
    return len(tables) > 0 and all((table["note"] == ALL_KEPT).all() for table in tables)


def _warnings(seeds: Sequence[SeedResults]) -> list[str]:
    """The warnings in the quality tables: for each seed the first one, and how many generations more have one."""
    lines = []
    for seed in seeds:
        warnings = list(seed.quality.get("warning", pd.Series(dtype=str)).dropna())
        if warnings:
            more = f" (and {len(warnings) - 1} more generations)" if len(warnings) > 1 else ""
            lines.append(f"Seed {seed.seed}: {warnings[0]}{more}")
    return lines


def _quality_chart(
    name: str, tables: Sequence[pd.DataFrame], columns: dict[str, tuple[str, str]], unit: str, factor: float
) -> str:
    lines = [
        Line(_once(i, label), table.index.to_numpy(float), factor * table[column].to_numpy(float), colour)
        for column, (label, colour) in columns.items()
        for i, table in enumerate(tables)
        if table[column].notna().any()
    ]
    named = [line.label for line in lines if line.label]
    title = unit if len(named) != 1 else f"{named[0]} ({unit})"
    return line_chart(name, lines, "generation", title, span=SPAN_PERCENT if unit == "%" else SPAN_RATIO)


def _once(index: int, label: str) -> str:
    """The label for the first seed's line, none for the others'."""
    return label if index == 0 else ""


def _xy(points: dict[int, float], factor: float) -> tuple[Any, Any]:
    return np.array(list(points), float), factor * np.array(list(points.values()), float)


def _shown(value: float, kind: str) -> str:
    if np.isnan(value):
        return NONE
    return {"count": f"{value:,.0f}", "percent": percent(value), "ratio": f"{value:.2f}"}[kind]
