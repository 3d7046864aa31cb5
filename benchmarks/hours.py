"""What an hour of labelling bought in `make experiments`: val mean IoU against hours, for boxes, masks and both.

    BOXSUP_DATA=DATA python benchmarks/hours.py [--out docs/results]

takes the scores of `docs/results/paper_voc*.csv` and the published seconds of `boxsup advise`, counts the objects of
the training photographs in the annotations of voc-mini and voc-2k, and writes a table and a figure. Where only some
photographs have masks, their objects cost an outline and those of the others a box.
"""

from __future__ import annotations

import argparse
import json
import os
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import yaml

from boxsup.catalogue.readers.voc import read_split
from boxsup.commands.advise import PUBLISHED

DATA = Path(os.environ.get("BOXSUP_DATA", "../shared/data"))
SETTINGS = Path(__file__).with_name("voc240.yaml")
RESULTS = Path("docs/results")
WHOLE_IMAGE = 239.7  # s, a photograph of VOC in full: Bearman et al., ECCV 2016
HOUR = 3600.0  # s
EPOCHS = 12
MINI, MORE = "voc-mini", "voc-2k"
OF_240, OF_635, OF_2635 = ((MINI, "train"),), ((MINI, "trainaug"),), ((MINI, "trainaug"), (MORE, "train"))
# Experiment -> the kind of labels, the lists of the photographs, and the list of those that have masks.
ROWS = {
    "voc240_rectangles": ("boxes, as rectangles", OF_240, ()),
    "voc240_box_greedy": ("boxes", OF_240, ()),
    "voc635_box_greedy": ("boxes", OF_635, ()),
    "voc2635_box_greedy": ("boxes", OF_2635, ()),
    "voc240_semi": ("boxes, and masks of 64", OF_240, ((MINI, "train_masks"),)),
    "voc635_semi": ("boxes, and masks of 64", OF_635, ((MINI, "train_masks"),)),
    "voc240_mask": ("masks", OF_240, OF_240),
    "voc635_mask": ("masks", OF_635, OF_635),
    "voc2635_mask": ("masks", OF_2635, OF_2635),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the table and the figure")
    args = parser.parse_args()
    if not all((DATA / name).is_dir() for name in (MINI, MORE)):
        print(f"hours: skipped, since {DATA} is not there; set BOXSUP_DATA")
        return
    scores = pd.concat([pd.read_csv(path) for path in sorted(RESULTS.glob("paper_voc*.csv"))])
    scores = scores[scores["epochs"] == EPOCHS]
    table = pd.DataFrame([row_of(experiment, scores) for experiment in ROWS])
    print(table.to_string(index=False))
    table.to_csv(args.out / "labelling_hours.csv", index=False)
    plot(table, args.out / "labelling_hours.png")


def row_of(experiment: str, scores: pd.DataFrame) -> dict[str, object]:
    """Hours and scores of an experiment, without CRF."""
    kind, split, masked = ROWS[experiment]
    outlined, images = objects_of(masked), objects_of(split)
    own = scores[(scores["experiment"] == experiment) & ~scores["crf"]]["mean_iou"]
    boxed = images[1] - outlined[1]
    fast, slow = ((boxed * box + outlined[1] * mask) / HOUR for box, mask in zip(*PUBLISHED.values(), strict=True))
    return {
        "labels": kind,
        "images": images[0],
        "boxes": boxed,
        "outlines": outlined[1],
        "hours_fast": round(fast, 1),
        "hours_slow": round(slow, 1),
        "hours_whole_images": round(outlined[0] * WHOLE_IMAGE / HOUR + boxed * PUBLISHED["boxes"][1] / HOUR, 1),
        "mean_iou": round(own.mean(), 2),
        "lowest": own.min(),
        "highest": own.max(),
        "seeds": len(own),
    }


@cache
def objects_of(lists: tuple[tuple[str, str], ...]) -> tuple[int, int]:
    """How many photographs lists have, each of a data set, and how many objects they have."""
    classes = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))["datasets"]["voc240"]["classes"]
    records = []
    for data, name in lists:
        settings = json.dumps({"list": name, "masks": "SegmentationClass"})
        records += [check() for check in read_split(DATA / data / "VOC2012", ("background", *classes), settings).checks]
    return len(records), sum(len(record.boxes) for record in records)


def plot(table: pd.DataFrame, path: Path) -> None:
    """Draw each row as a bar from the fastest to the slowest published seconds."""
    figure, axis = plt.subplots(figsize=(7, 4))
    for number, (kind, own) in enumerate(table.groupby("labels", sort=False)):
        for row in own.itertuples():
            axis.plot([row.hours_fast, row.hours_slow], [row.mean_iou] * 2, color=f"C{number}", linewidth=5, alpha=0.6)
            axis.annotate(f"{row.images}", (row.hours_slow, row.mean_iou), (6, -4), textcoords="offset points")
        middles = (own["hours_fast"] * own["hours_slow"]) ** 0.5
        axis.plot(middles, own["mean_iou"], "o-", color=f"C{number}", linewidth=1, label=kind)
    axis.set(xscale="log", xlabel="hours of labelling, by the fastest and the slowest published seconds")
    axis.set(ylabel="val mean IoU, %", title="Numbers are training photographs; 120 others are scored")
    axis.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    axis.set_xlim(right=260)
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
