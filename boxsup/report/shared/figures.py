"""Line charts as inline SVG whose colours follow the page's light or dark theme."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

# Colours of Okabe & Ito, which colour-blind people can tell apart. In the SVG each becomes a CSS variable, so that
# style.css can lighten it on dark ground.
SERIES = {"blue": "#0072b2", "orange": "#d55e00", "green": "#009e73", "purple": "#cc79a7", "brown": "#8a5a2b"}
MUTED = "#5b646e"  # the colour of small print
INK, RULE = "#010203", "#040506"  # placeholders for the page's colours of text and grid; never shown
SIZE = (4.6, 2.9)  # inches: small enough that the text stays readable on a telephone
BINS = 240  # points of a smoothed curve
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        label: Its text in the legend; "" if it has none (all seeds but the first).
        x: Positions, length n.
        y: Values, length n; the line is broken at NaN.
        colour: A key of SERIES.
        dots: Whether each point is marked; one that is alone is.
        dashed: Whether the line is dashed.
    """

    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    colour: str
    dots: bool = True
    dashed: bool = False


def smoothed(values: NDArray[np.float64], bins: int = BINS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A long curve as at most `bins` points, each the mean of neighbouring values.

    Returns:
        Mean positions, where the first value has position 1, and mean values.

    >>> positions, means = smoothed(np.array([1.0, 3.0, 5.0, 7.0]), bins=2)
    >>> positions.tolist(), means.tolist()
    ([1.5, 3.5], [2.0, 6.0])
    """
    parts = np.array_split(np.arange(len(values)), min(bins, len(values)))
    positions = np.array([part.mean() + 1 for part in parts])
    return positions, np.array([values[part].mean() for part in parts])


def chart(name: str, draw: Callable[[Any], None]) -> str:
    """A chart as an `<svg>` element without width and height. The same data gives the same bytes.

    Args:
        name: Name of the chart, unique on the page; the ids of its elements start with it.
        draw: Function that draws on matplotlib axes, only in the colours of SERIES, INK, RULE and MUTED.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own matplotlibrc must not change the page
        matplotlib.rcParams.update({**STYLE, "svg.hashsalt": name})
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.grid(axis="y", color=RULE, lw=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        buffer = io.StringIO()
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    return _themed(buffer.getvalue(), name)


def line_chart(name: str, lines: Sequence[Line], x: str, y: str, span: float = 0) -> str:
    """A chart of lines as an `<svg>` element; see `chart`.

    Args:
        name: Name of the chart, unique on the page.
        lines: The lines to draw.
        x: Title of the x axis, whose ticks are whole numbers.
        y: Title of the y axis.
        span: The least range of the y axis, so that lines that hardly change look so.
    """

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib has no types
        for line in lines:
            alone = bool(np.isfinite(line.y).sum() == 1)  # without a dot it would not be seen
            style = ("o" if line.dots or alone else "") + ("--" if line.dashed else "-")
            axes.plot(line.x, line.y, style, color=SERIES[line.colour], label=line.label or "_", ms=3.5, lw=1.6)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        low, high = axes.get_ylim()
        if high - low < span:
            middle = max((low + high) / 2, min(span / 2, low)) if low >= 0 else (low + high) / 2
            axes.set_ylim(middle - span / 2, middle + span / 2)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
        if sum(bool(line.label) for line in lines) > 1:
            axes.legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))

    return chart(name, draw)


def _themed(svg: str, name: str) -> str:
    """The bare `<svg>` element: colours are CSS variables, ids start with `name`, and the page sets its size."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg))
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans)", svg)
    # Positions need no more than two decimals; numbers at ticks are text and stay as they are.
    svg = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\d\.\d{2})\d+", r"\1", tag[0]), svg)
    svg = (
        svg.replace('id="', f'id="{name}-')
        .replace('xlink:href="#', f'href="#{name}-')
        .replace("url(#", f"url(#{name}-")
    )
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    for colour, value in SERIES.items():
        svg = svg.replace(value, f"var(--{colour})")
    return svg.replace(INK, "currentColor").replace(RULE, "var(--rule)").replace(MUTED, "var(--muted)")
