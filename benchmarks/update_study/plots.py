"""The study's figures: one panel a question of single steps, and the loops by generation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

COLUMNS = 3
BEYOND = 10.0  # points of label mIoU: loops that end so far below the best are drawn in a panel of their own


def plot_steps(table: pd.DataFrame, out: Path) -> None:
    """A panel a question: label mIoU of each answer, on the third that values were chosen on and on the rest.

    Dotted lines are those of the default.
    """
    default = table[(table["question"] == "bounds") & (table["variant"] == "default")].iloc[0]
    panels = list(table.groupby("question", sort=False))
    rows = -(-len(panels) // COLUMNS)
    heights = [max(len(own) for _, own in panels[row * COLUMNS : (row + 1) * COLUMNS]) + 2 for row in range(rows)]
    figure, axes = plt.subplots(
        rows, COLUMNS, figsize=(13, 0.22 * sum(heights)), layout="constrained", height_ratios=heights, squeeze=False
    )
    for axis in axes.ravel()[len(panels) :]:
        axis.remove()
    for axis, (question, own) in zip(axes.ravel(), panels, strict=False):
        places = np.arange(len(own))[::-1]
        axis.hlines(places, own["third"], own["rest"], color="#999999", linewidth=1)
        axis.plot(own["third"], places, "o", color="#d95f02", markersize=4, label="third, to choose on")
        axis.plot(own["rest"], places, "s", color="#1b6ca8", markersize=4, label="rest, to confirm on")
        for split, colour in (("third", "#d95f02"), ("rest", "#1b6ca8")):
            axis.axvline(default[split], color=colour, linewidth=0.8, linestyle=":")
        axis.set_yticks(places, own["variant"], fontsize=7)
        axis.set_ylim(-0.7, len(own) - 0.3)
        axis.set_title(question, fontsize=9, loc="left", fontweight="bold")
        axis.tick_params(axis="x", labelsize=7)
        plain(axis)
    axes[0, 0].legend(fontsize=7, frameon=False)
    figure.supxlabel("label mIoU (%) of one generation", fontsize=9)
    save(figure, out)


def plot_loops(table: pd.DataFrame, out: Path) -> None:
    """Label mIoU and fill by generation, of loops that hold and of those that collapse: means over the seeds."""
    table = table[~table["loop"].isin(["true masks", "rectangles", "by boxes alone"])]
    runs = [
        (f"{name}, {epochs} epochs", rows.groupby("generation")[["label_miou", "fill"]].mean())
        for (name, epochs), rows in table.groupby(["loop", "epochs"], sort=False)
    ]
    best = max(means["label_miou"].iloc[-1] for _, means in runs)
    holds = {name: best - means["label_miou"].iloc[-1] < BEYOND for name, means in runs}
    groups = ["hold", "collapse"] if not all(holds.values()) else ["hold"]
    figure, axes = plt.subplots(1, 2 * len(groups), figsize=(6.5 * len(groups), 4.2), layout="constrained")
    for number, (name, means) in enumerate(runs):
        style = {"color": plt.cm.tab20(number % 20), "marker": ".", "markersize": 4, "linewidth": 1.2, "label": name}
        first = 0 if holds[name] else 2
        axes[first].plot(means.index, means["label_miou"], **style)
        axes[first + 1].plot(means.index, means["fill"], **{**style, "label": None})
    for number, axis in enumerate(axes):
        axis.set_xlabel("generation")
        what = ("label mIoU (%)", "fill")[number % 2]
        axis.set_title(f"{what}, loops that {groups[number // 2]}", fontsize=10, loc="left", fontweight="bold")
        plain(axis)
    figure.legend(loc="outside lower center", ncols=5, fontsize=7, frameon=False)
    save(figure, out)


def plain(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)


def save(figure: plt.Figure, out: Path) -> None:
    figure.savefig(out, dpi=110, metadata={"Software": None})
    plt.close(figure)
