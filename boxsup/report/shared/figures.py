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

# The colours of Okabe & Ito that keep apart for the colour-blind, on light and dark ground. In the SVG each becomes a
# CSS variable, so that style.css can lighten it on dark ground.
SERIES = {"blue": "#0072b2", "orange": "#d55e00", "green": "#009e73", "purple": "#cc79a7", "brown": "#8a5a2b"}
MUTED = "#5b646e"  # like the page's smaller print
INK, RULE = "#010203", "#040506"  # stand-ins, never shown: text and grid take the page's own colours
SIZE = (4.6, 2.9)  # inches; at 72 points an inch the text keeps its size on a telephone
BINS = 240
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
        label: In the legend; "" for none (the second and further seeds).
        x: Positions, length n.
        y: Values, length n; NaN where there is none.
        colour: A key of SERIES.
        dots: Mark each point.
        dashed: Break the line.
    """

    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    colour: str
    dots: bool = True
    dashed: bool = False


def smoothed(values: NDArray[np.float64], bins: int = BINS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of at most `bins` runs of neighbours: (mean positions from 1, mean values)."""
    parts = np.array_split(np.arange(len(values)), min(bins, len(values)))
    positions = np.array([part.mean() + 1 for part in parts])
    return positions, np.array([values[part].mean() for part in parts])


def chart(name: str, draw: Callable[[Any], None]) -> str:
    """A chart as an `<svg>` element without width and height, the same bytes for the same data.

    Args:
        name: Unique on the page: prefix of the element ids.
        draw: Draws on matplotlib axes, in the colours of SERIES, INK, RULE and MUTED only.
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


def line_chart(name: str, lines: Sequence[Line], x: str, y: str, integers: bool = True) -> str:
    """A chart of lines; see `chart`.

    Args:
        name: Unique on the page: prefix of the element ids.
        lines: What to draw.
        x: Title of the axis.
        y: The same.
        integers: Tick whole numbers only on the x axis.
    """

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib has no types
        for line in lines:
            style = ("o" if line.dots else "") + ("--" if line.dashed else "-")
            axes.plot(line.x, line.y, style, color=SERIES[line.colour], label=line.label or "_", ms=3.5, lw=1.6)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        if integers:
            axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
        if sum(bool(line.label) for line in lines) > 1:
            axes.legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))

    return chart(name, draw)


def _themed(svg: str, name: str) -> str:
    """The bare `<svg>` element: colours as CSS variables, ids of its own, sized by the page."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg))
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans)", svg)
    svg = re.sub(r"(\d\.\d{2})\d+", r"\1", svg)
    svg = (
        svg.replace('id="', f'id="{name}-')
        .replace('xlink:href="#', f'href="#{name}-')
        .replace("url(#", f"url(#{name}-")
    )
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    for colour, value in SERIES.items():
        svg = svg.replace(value, f"var(--{colour})")
    return svg.replace(INK, "currentColor").replace(RULE, "var(--rule)").replace(MUTED, "var(--muted)")
