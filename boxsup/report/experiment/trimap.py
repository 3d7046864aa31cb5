"""Figure 4 of the paper: mean IoU in bands of growing width around true boundaries, and outside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from boxsup.evaluation.measured import MIN_PIXELS
from boxsup.report.shared.figures import SERIES, Line, line_chart
from boxsup.report.shared.templates import percent, render_template

SHOWN = (1, 5, 10, 20, 40)  # px: widths in the page's table
REGIONS = ("band_crf", "interior_crf")


def trimap_chart(name: str, series: Mapping[str, Sequence[pd.DataFrame]], columns: Sequence[str]) -> Markup:
    """A chart of up to five series, a colour each: solid outside the band, dashed inside.

    Args:
        name: Unique on the page.
        series: Name -> the tables of `boxsup trimap measure`, one a seed, whose mean is drawn.
        columns: Of each series the end of its columns' names: "" without CRF, "_crf" with it.
    """
    lines = []
    for (label, tables), suffix, colour in zip(series.items(), columns, SERIES, strict=False):
        mean = _mean(tables)
        for column, dashed in ((f"interior{suffix}", False), (f"band{suffix}", True)):
            values = 100 * mean[column].to_numpy(np.float64)  # NaN, where a class has too few pixels: the line ends
            x = mean.index.to_numpy(np.float64)
            lines.append(Line("" if dashed else label, x, values, colour, dots=False, dashed=dashed))
    return Markup(line_chart(name, lines, "width of the band (px)", "mIoU (%)"))


def render(series: Mapping[str, Sequence[pd.DataFrame]], labels: Mapping[str, str]) -> str:
    """The page that sets experiments side by side, with CRF.

    Args:
        series: Experiment -> its seeds' tables.
        labels: Experiment -> what its scores are scores of (data, split), so that nothing unlike is compared unseen.
    """
    rows = []
    for name, tables in series.items():
        shown = _mean(tables).loc[list(SHOWN), list(REGIONS)].to_numpy(np.float64)
        rows.append((name, len(tables), labels[name], [percent(value) for value in shown.ravel()]))
    chart = trimap_chart("trimap", series, ["_crf"] * len(series))
    return render_template(
        "experiment/trimap.html.j2", names=list(series), chart=chart, widths=SHOWN, rows=rows, least=MIN_PIXELS
    )


def _mean(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables).groupby("width").mean()
