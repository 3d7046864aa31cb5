"""How scores grow with the number of photographs: 240, 635 and 2,635, and what that foretells of the paper's 10,582.

    python benchmarks/growth.py [--write]

reads the rows of 12 epochs in `docs/results/paper_voc*.csv`, without CRF, and fits the law of `boxsup advise`: the
error falls as a power of the number of photographs. With `--write` the table and the figure go to docs/results. More
photographs also mean more iterations here, since all rows have as many epochs. What is foretold is a forecast.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from boxsup.evaluation.growth import Growth, Size, fit

RESULTS = Path(__file__).parents[1] / "docs" / "results"
EPOCHS, SIZES, FORETOLD = 12, (240, 635, 2635), 10_582
KINDS = {"boxes": "box_greedy", "masks": "mask"}
LOW, HIGH = 10, 90  # per cent of the draws


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the table and the figure")
    args = parser.parse_args()
    rows = pd.concat([pd.read_csv(path) for path in sorted(RESULTS.glob("paper_voc*.csv"))])
    rows = rows[~rows["crf"] & (rows["epochs"] == EPOCHS)]
    sizes = {kind: sizes_of(rows, name) for kind, name in KINDS.items()}
    laws = dict(zip(KINDS, fit(sizes["boxes"], sizes["masks"]), strict=True))
    table = pd.DataFrame([row_of(kind, size, laws[kind]) for kind, own in sizes.items() for size in own])
    foretold = [row_of(kind, Size(FORETOLD, ()), law) for kind, law in laws.items()]
    table = pd.concat([table, pd.DataFrame(foretold)], ignore_index=True)
    print(table.to_string(index=False))
    print({kind: f"the error falls as images^-{np.median(law.slope):.3f}" for kind, law in laws.items()})
    if args.write:
        table.to_csv(RESULTS / "growth.csv", index=False, lineterminator="\n")
        plot(table, laws, RESULTS / "growth.png")


def sizes_of(rows: pd.DataFrame, name: str) -> list[Size]:
    """The scores of a kind of supervision at each number of photographs."""
    own = {size: rows[rows["experiment"] == f"voc{size}_{name}"]["mean_iou"] / 100 for size in SIZES}
    return [Size(size, tuple(scores)) for size, scores in own.items() if len(scores)]


def row_of(kind: str, size: Size, law: Growth) -> dict[str, object]:
    """What was measured at a size, and what the law says, in per cent."""
    said = 100 * law.scores(size.images)
    low, middle, high = np.percentile(said, [LOW, 50, HIGH])
    measured = round(100 * float(np.mean(size.scores)), 2) if size.scores else np.nan
    return {
        "labels": kind,
        "images": size.images,
        "seeds": len(size.scores),
        "mean_iou": measured,
        "law": round(middle, 1),
        "low": round(low, 1),
        "high": round(high, 1),
    }


def plot(table: pd.DataFrame, laws: dict[str, Growth], path: Path) -> None:
    """Draw scores, and the laws with their ranges as far as the forecast."""
    figure, axis = plt.subplots(figsize=(7, 4))
    images = np.geomspace(SIZES[0], FORETOLD, 50)
    for number, (kind, law) in enumerate(laws.items()):
        said = 100 * np.stack([np.percentile(law.scores(count), [LOW, 50, HIGH]) for count in images])
        low, middle, high = said.T
        axis.fill_between(images, low, high, color=f"C{number}", alpha=0.15, linewidth=0)
        axis.plot(images, middle, "--", color=f"C{number}", linewidth=1)
        own = table[(table["labels"] == kind) & (table["seeds"] > 0)]
        axis.plot(own["images"], own["mean_iou"], "o", color=f"C{number}", label=kind)
    axis.axvline(FORETOLD, color="0.6", linewidth=0.8)
    axis.annotate("forecast", (FORETOLD, axis.get_ylim()[0]), (-4, 4), textcoords="offset points", ha="right")
    axis.set(xscale="log", xlabel="photographs with labels", ylabel="val mean IoU, %")
    ticks = [*SIZES, FORETOLD]
    axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left")
    figure.tight_layout()
    figure.savefig(path, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
