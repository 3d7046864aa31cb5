"""The study's figures: one panel a question, of single steps and of whole loops by generation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

COLUMNS = 3
QUESTIONS = {  # of whole loops, and the loops that answer them
    "the default": ("default",),
    "E_r": ("centred", "soft IoU, λ 1"),
    "λ": ("λ rising", "λ 1"),
    "k": ("soft IoU, k 5", "k 5", "k 5, then the winner"),
    "when boxes choose anew": ("soft IoU, warm-up 1", "warm-up 1", "warm-up 4", "every 3"),
    "what the network learns": ("logit adjustment", "class-balanced loss", "averaged network"),
    "difficult boxes": ("difficult void",),
    "the paper": ("paper", "paper, first by boxes"),
}


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
        names = own["variant"].where(own["network"] == "half", own["variant"] + ", " + own["network"])
        axis.set_yticks(places, names, fontsize=7)
        axis.set_ylim(-0.7, len(own) - 0.3)
        axis.set_title(question, fontsize=9, loc="left", fontweight="bold")
        axis.tick_params(axis="x", labelsize=7)
        plain(axis)
    axes[0, 0].legend(fontsize=7, frameon=False)
    figure.supxlabel("label mIoU (%) of one generation", fontsize=9)
    save(figure, out)


def plot_loops(table: pd.DataFrame, out: Path) -> None:
    """Label mIoU, and below it fill, by generation: a panel a question, with the default of as many epochs in grey.

    Lines are means over the seeds, shades their least and greatest.
    """
    table = table[~table["loop"].isin(["true masks", "rectangles", "by boxes alone"])]
    asked = table["loop"].map(lambda name: next((q for q, names in QUESTIONS.items() if name in names), "others"))
    panels = [(question, table[asked == question]) for question in (*QUESTIONS, "others") if (asked == question).any()]
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        2 * lines, columns, figsize=(3.1 * columns, 4.6 * lines), layout="constrained", squeeze=False
    )
    places = axes.reshape(lines, 2, columns).transpose(0, 2, 1).reshape(-1, 2)  # of a panel: above and below
    for axis in places[len(panels) :].ravel():
        axis.remove()
    for (question, own), (above, below) in zip(panels, places, strict=False):
        beside = table[(table["loop"] == "default") & table["epochs"].isin(own["epochs"])]
        for axis, column in ((above, "label_miou"), (below, "fill")):
            if question != "the default":
                band(axis, beside, column, "#888888", "default")
            for (name, epochs), rows in own.groupby(["loop", "epochs"], sort=False):
                band(axis, rows, column, None, f"{epochs} epochs" if name == "default" else name)
            axis.tick_params(labelsize=7)
            plain(axis)
        above.set_title(question, fontsize=9, loc="left", fontweight="bold")
        above.set_ylabel("label mIoU (%)", fontsize=7)
        above.legend(fontsize=7, frameon=False)
        below.set_ylabel("fill", fontsize=7)
        below.set_xlabel("generation", fontsize=7)
    save(figure, out)


def band(axis: Axes, rows: pd.DataFrame, column: str, colour: str | None, label: str | None) -> None:
    """A loop's mean by generation, with the range of its seeds."""
    values = rows.groupby("generation")[column].agg(["mean", "min", "max"])
    (line,) = axis.plot(values.index, values["mean"], ".-", color=colour, markersize=3, linewidth=1.2, label=label)
    axis.fill_between(values.index, values["min"], values["max"], color=line.get_color(), alpha=0.15, linewidth=0)


def plain(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)


def save(figure: plt.Figure, out: Path) -> None:
    figure.savefig(out, dpi=110, metadata={"Software": None})
    plt.close(figure)
