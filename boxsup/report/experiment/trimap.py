"""Figure 4 of the paper: mean IoU inside and outside a band around the true boundaries, by width of the band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from boxsup.evaluation.measured import MIN_PIXELS
from boxsup.report.shared.figures import SERIES, Line, line_chart
from boxsup.report.shared.templates import percent, render_template

SHOWN_WIDTHS = (1, 5, 10, 20, 40)  # px, in the table of the page
REGIONS = ("band_crf", "interior_crf")


def trimap_chart(name: str, series: Mapping[str, Sequence[pd.DataFrame]], columns: Sequence[str]) -> Markup:
    """A chart of up to five series in a colour each: solid lines are outside the band, dashed ones inside.

    Args:
        name: Name of the chart, unique on the page.
        series: For each series the tables of `boxsup trimap measure`, one per seed; their mean is drawn.
        columns: For each series the end of the names of its columns: "" without CRF, "_crf" with it.
    """
    lines = []
    for (label, tables), suffix, colour in zip(series.items(), columns, SERIES, strict=False):
        mean = _mean(tables)
        for column, dashed in ((f"interior{suffix}", False), (f"band{suffix}", True)):
            values = 100 * mean[column].to_numpy(np.float64)  # NaN ends the line: a class has too few pixels there
            x = mean.index.to_numpy(np.float64)
            lines.append(Line("" if dashed else label, x, values, colour, dots=False, dashed=dashed))
    return Markup(line_chart(name, lines, "width of the band (px)", "mIoU (%)"))


def render(series: Mapping[str, Sequence[pd.DataFrame]], labels: Mapping[str, str], without: Sequence[str] = ()) -> str:
    """The page that compares experiments, with the CRF of those that have one.

    Args:
        series: For each experiment the tables of its seeds.
        labels: For each experiment the data and split of its scores, so that readers see what they compare.
        without: The experiments without a CRF.
    """
    rows = []
    for name, tables in series.items():
        shown = _mean(tables).loc[list(SHOWN_WIDTHS), list(REGIONS)].to_numpy(np.float64)
        rows.append((name, len(tables), labels[name], [percent(value) for value in shown.ravel()]))
    chart = trimap_chart("trimap", series, ["_crf"] * len(series))
    return render_template(
        "experiment/trimap.html.j2",
        names=list(series),
        without=list(without),
        chart=chart,
        widths=SHOWN_WIDTHS,
        rows=rows,
        min_pixels=MIN_PIXELS,
    )


def _mean(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables).groupby("width").mean()
