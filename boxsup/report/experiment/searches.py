"""Searches over an experiment's settings, as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from boxsup.evaluation.measured import basis_text
from boxsup.report.shared.templates import percent

FIRST_RESULT = "experiment"  # the first column of a search's table after the values that were tried


def search_sections(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Each search with its points from the best to the worst.

    Args:
        tables: The table of `boxsup search` by name of the search.

    Returns:
        For each search its `name`, the `titles` of the columns, `rows` of texts, `over`, the images and classes of the
        scores, and `note`, which says why nothing is measured and is empty otherwise.
    """
    return [_section(name, table) for name, table in tables.items() if len(table)]


def _section(name: str, table: pd.DataFrame) -> dict[str, Any]:
    keys = list(table.columns[: table.columns.get_loc(FIRST_RESULT)])
    # A point without a CRF stands by its only score.
    order = table["mean_iou_crf"].fillna(table["mean_iou"]).sort_values(ascending=False, kind="stable").index
    ordered = table.loc[order]
    rows = [
        [*(str(row[key]) for key in keys), row["experiment"], str(row["seeds"])]
        + [percent(row[column]) for column in ("mean_iou", "mean_iou_crf", "boundary_iou_crf", "boundary_f_crf")]
        for _, row in ordered.iterrows()
    ]
    titles = [*keys, "run", "seeds", "mIoU %", "with CRF", "its boundary IoU %", "its boundary F %"]
    note = "" if table["note"].isna().all() else str(table["note"].iloc[0])
    return {"name": name, "titles": titles, "rows": rows, "over": basis_text(table), "note": note}
