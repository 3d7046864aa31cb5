"""Charts of the quality of proposals: by number of candidates, beside published results, and by size of objects."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from boxsup.report.proposals.results import PUBLISHED_IMAGES, Method
from boxsup.report.shared.figures import INK, MUTED, RULE, SERIES, STYLE, chart
from boxsup.store.atomic import atomic_write

COLOURS = [*SERIES.values(), INK]
MIN_CANDIDATES = 8  # the left end of the curves
MEASURES = {"j_i": "Jᵢ, mean best IoU", "recall_50": "recall at IoU 0.5", "recall_70": "recall at IoU 0.7"}
# Published curves are dashed, published single points have a marker.
PUBLISHED: dict[str, dict[str, Any]] = {
    "MCG": {"ls": (0, (6, 2))},
    "SCG": {"ls": (0, (3, 2))},
    "CPMC": {"ls": (0, (1, 1.5))},
    "GOP": {"ls": "", "marker": "D", "ms": 4},
    "SS": {"ls": "", "marker": "s", "ms": 4.5},
}
SIZES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)  # shares of the image: the limits of the groups of objects
PNG_INK = {INK: "#1b1f24", RULE: "#d9dde1"}


def curves_svg(methods: Sequence[Method], published: Mapping[str, pd.DataFrame], measure: str) -> str:
    """A measure by number of candidates, as `<svg>`; `measure` is a key of MEASURES."""
    ours = {method.name: method.summary for method in methods}
    return chart(measure.replace("_", "-"), lambda axes: _curves(axes, ours, published, measure, COLOURS))


def sizes_svg(methods: Sequence[Method], shares: pd.Series) -> str:
    """J_i by size of the objects, as `<svg>`.

    Args:
        methods: Methods that are evaluated on the same objects.
        shares: The area of each object over that of its image, in the order of the methods' tables.
    """
    group = pd.cut(shares, list(SIZES), labels=False)
    counts = [int((group == index).sum()) for index in range(len(SIZES) - 1)]
    shown = [index for index, count in enumerate(counts) if count]

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib has no types
        lines = []
        for index, method in enumerate(methods):
            mean = method.objects["iou_all"].groupby(group).mean()[shown].to_numpy()
            colour = COLOURS[index % len(COLOURS)]
            lines += axes.plot(mean, _dash(index), color=colour, label=method.name, marker="o", ms=3.5, lw=1.6)
        bounds = [f"{100 * low:g}–{100 * high:g} %" for low, high in pairwise(SIZES)]
        axes.set_xticks(range(len(shown)), [f"{bounds[index]}\n{counts[index]:,}" for index in shown])
        axes.set_xlabel("size of the object as share of its image; number of objects")
        axes.set_ylabel(MEASURES["j_i"])
        _legend(axes, lines)

    return chart("sizes", draw)


def write_png(
    path: str | os.PathLike[str], tables: Mapping[str, pd.DataFrame], published: Mapping[str, pd.DataFrame], title: str
) -> None:
    """Write the curves of J_i and of both recalls side by side on white, with a line that names the data.

    Args:
        path: The .png file to write.
        tables: For each method a table with columns `candidates`, `j_i` and the recalls.
        published: The tables of `boxsup.report.proposals.results.published`.
        title: The data of our methods, for instance "120 images of VOC val".
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        plain = {key: PNG_INK.get(value, value) if isinstance(value, str) else value for key, value in STYLE.items()}
        matplotlib.rcParams.update(plain)
        figure = Figure(figsize=(12.6, 4.1), dpi=120, layout=ConstrainedLayoutEngine(wspace=0.06))
        colours = [PNG_INK.get(colour, colour) for colour in COLOURS]
        for axes, measure in zip(figure.subplots(1, len(MEASURES)), MEASURES, strict=True):
            _curves(axes, tables, published, measure, colours)
            axes.grid(axis="y", color=PNG_INK[RULE], lw=0.6)
            axes.set_axisbelow(True)
            axes.tick_params(length=0)
        grey = f"grey: published, on all {PUBLISHED_IMAGES:,} images of VOC val"
        figure.supxlabel(f"coloured: ours, on {title}; {grey}", fontsize=9, color=MUTED)
        with atomic_write(path) as partial:
            figure.savefig(partial, format="png", metadata={"Software": None})


def _curves(
    axes: Any,  # noqa: ANN401 - matplotlib has no types
    ours: Mapping[str, pd.DataFrame],
    published: Mapping[str, pd.DataFrame],
    measure: str,
    colours: Sequence[str],
) -> None:
    """Draw published curves in grey and ours in colours, each group with a legend."""
    published_lines = [
        axes.plot(table["candidates"], table[measure], color=MUTED, lw=1.3, label=name, **PUBLISHED[name])[0]
        for name, table in published.items()
    ]
    our_lines = []
    for index, (name, table) in enumerate(ours.items()):
        rows, colour = table[table["candidates"] >= MIN_CANDIDATES], colours[index % len(colours)]
        our_lines += axes.plot(
            rows["candidates"], rows[measure], _dash(index), color=colour, label=name, marker="o", ms=3.5, lw=1.8
        )
    axes.set_xscale("log")
    axes.set_xlim(MIN_CANDIDATES, 20_000)
    axes.set_xticks([10, 100, 1000, 10_000], ["10", "100", "1,000", "10,000"])
    axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.set_xlabel("candidates per image")
    axes.set_ylabel(MEASURES[measure])
    grey = axes.legend(
        handles=published_lines,
        title="published",
        frameon=False,
        loc="lower right",
        fontsize=8,
        title_fontsize=8,
        labelcolor=MUTED,
        handlelength=2.2,
        alignment="left",
    )
    grey.get_title().set_color(MUTED)
    axes.add_artist(grey)  # a legend that is added as an artist must lie inside the axes
    _legend(axes, our_lines)


def _dash(index: int) -> str:
    return "-" if index < len(COLOURS) else ":"


def _legend(axes: Any, lines: Sequence[Any]) -> None:  # noqa: ANN401 - matplotlib has no types
    """Write the names of the methods above the axes."""
    columns = min(len(lines), 3)
    axes.legend(
        handles=lines, frameon=False, ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0), handlelength=1.6
    )
