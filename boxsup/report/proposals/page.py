"""The page that compares the proposal methods of a split: from their evaluations to one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from markupsafe import Markup

from boxsup.again import started
from boxsup.catalogue.tables import Catalogue
from boxsup.experiments.tree import REPORT
from boxsup.report.proposals.curves import MEASURES as CURVES
from boxsup.report.proposals.curves import curves_svg, sizes_svg
from boxsup.report.proposals.gallery import object_rows, shares
from boxsup.report.proposals.results import PUBLISHED_IMAGES, Method, published, rows_at
from boxsup.report.shared.templates import number, render_template

BUDGETS = ("100", "500", "1000")  # rows of the tables; a last one has all candidates
MEASURES = ("j_i", "j_c", "recall_50", "recall_70", "recall_85")


def render(
    dataset: str, split: str, config: dict[str, Any], folder: Path, methods: Sequence[Method], catalogue: Catalogue
) -> str:
    """Make the page as HTML that loads no other file.

    Args:
        dataset: Name of the data set.
        split: Name of the split.
        config: Effective settings: `dataset`, and `proposals` by name of the method.
        folder: Folder of the proposals, as the commands on the page should name it.
        methods: At least one method; all are evaluated on the same objects.
        catalogue: The split.
    """
    others = published()
    methods = sorted(methods, key=lambda method: -float(method.summary["j_i"].iloc[-1]))
    best = methods[0]
    last = methods[0].summary.iloc[-1]
    return render_template(
        "proposals/page.html.j2",
        dataset=dataset,
        split=split,
        badge=_badge(config, int(last["images"])),
        images=f"{last['images']:,.0f}",
        objects=f"{last['objects']:,.0f}",
        best={"name": best.name, "j_i": number(best.summary["j_i"].iloc[-1], 3)},
        several=len(methods) > 1,
        methods=[_block(method.name, method.summary) for method in methods],
        published=[_block(name, table) for name, table in others.items()],
        published_images=f"{PUBLISHED_IMAGES:,}",
        curves=[(title, Markup(curves_svg(methods, others, measure))) for measure, title in CURVES.items()],
        sizes=Markup(sizes_svg(methods, shares(catalogue, methods[0].objects))) if last["objects"] else "",
        gallery=object_rows(catalogue, methods),
        settings=yaml.safe_dump(config["proposals"], sort_keys=False, default_flow_style=None, width=88),
        command=started().there(started().command([str(folder / REPORT)])),
    )


def _badge(config: dict[str, Any], images: int) -> str:
    if config["dataset"]["format"] == "shapes":
        return "demo data, not PASCAL VOC"
    return "" if images == PUBLISHED_IMAGES else "a subset in VOC layout: published figures are only a rough comparison"


def _block(name: str, table: pd.DataFrame) -> dict[str, Any]:
    """The name of a method, its rows of the table and its costs, as text."""
    rows = []
    for _, row in rows_at(table, BUDGETS).iterrows():
        values = [number(row["candidates"], 0), *(number(row[measure], 3) for measure in MEASURES)]
        rows.append([*values, number(row["best_box_iou"], 3)] if "best_box_iou" in row else values)
    last = table.iloc[-1]
    ours = "bytes" in table
    costs = [number(last["seconds"], 2), number(last["bytes"] / 1e3, 1)] if ours else [f"{last['seconds']:g}"]
    return {"name": name, "rows": rows, "costs": costs}
