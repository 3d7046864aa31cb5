"""How well the score of `boxsup masks` is calibrated: has a mask with a score of 0.8 an IoU of 0.8, on average?

    BOXSUP_DATA=DATA python benchmarks/mask_score.py [--boxes boxes.csv] [--out docs/results]

makes masks for the official boxes of the 120 photographs of voc-mini's val by `boxsup.Masker` as it ships: neither its
networks nor its score were fitted to any of them. Prints and writes the reliability by score, the expected calibration
error beside what chance alone would leave of it, the rank correlation with the true IoU, and what is right among the
masks that are accepted if the surest are taken first. `--boxes` keeps the judged boxes in a file, from where a second
call takes them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from common.true_masks import DATA, boundary_scores, mask_iou, true_object, val_photographs
from numpy.typing import NDArray

from boxsup import Masker
from boxsup.evaluation.calibration import calibration, reliability

SCORES = {"score": "the score of the mask", "expected_iou": "the expected IoU of its candidate"}
DRAWS = 1000
USABLE, RIGHT = 0.5, 0.75  # IoU
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)  # of the masks that are accepted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--boxes", type=Path, help="file of the judged boxes, which is read if it is there")
    parser.add_argument("--out", type=Path, default=Path("docs/results"), help="folder for the tables and the figure")
    args = parser.parse_args()
    if not DATA.is_dir():
        print(f"mask_score: skipped, since {DATA} is not there; set BOXSUP_DATA")
        return
    cv2.setNumThreads(1)
    boxes = judged_boxes(args.boxes)
    means = boxes[["iou", "boundary_iou", "boundary_f"]].mean().round(3).to_dict()
    print(f"{len(boxes)} boxes of {boxes['image'].nunique()} photographs; means: {means}")
    known = {name: boxes[boxes[name].notna()] for name in SCORES}
    summary = pd.DataFrame([{"what": name, **with_intervals(own, name)} for name, own in known.items()])
    curve = pd.concat([reliability(*columns(own, name)).assign(what=name) for name, own in known.items()])
    taken = accepted(*columns(boxes, "score"))
    for name, table in (("mask_score", summary), ("mask_score_bins", curve), ("mask_score_accepted", taken)):
        print(table.round(3).to_string(index=False), end="\n\n")
        table.round(4).to_csv(args.out / f"{name}.csv", index=False)
    plot(curve, taken, args.out / "mask_score.png")


def columns(boxes: pd.DataFrame, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A score of boxes, and the IoU of their masks."""
    return boxes[name].to_numpy(), boxes["iou"].to_numpy()


def with_intervals(boxes: pd.DataFrame, name: str) -> dict[str, float]:
    """The calibration of a score, and 95 % intervals over draws of images: boxes of one image are not independent.

    The calibration error has none: drawing boxes again enlarges it, so that 0 would never lie in its interval.
    """
    random, groups = np.random.default_rng(0), [own for _, own in boxes.groupby("image")]
    numbers = random.integers(0, len(groups), (DRAWS, len(groups)))
    drawn = [asdict(calibration(*columns(pd.concat([groups[i] for i in row]), name))) for row in numbers]
    low, high = pd.DataFrame(drawn).quantile([0.025, 0.975]).to_numpy()
    found = asdict(calibration(*columns(boxes, name)))
    bounds = {key: (low[place], high[place]) for place, key in enumerate(found) if key in ("bias", "rank")}
    return found | {f"{key}_{end}": pair[i] for key, pair in bounds.items() for i, end in enumerate(("low", "high"))}


def judged_boxes(kept: Path | None) -> pd.DataFrame:
    """The boxes, from a file if it is there; else they are made, and kept there."""
    if kept is not None and kept.is_file():
        return pd.read_csv(kept)
    boxes = pd.DataFrame(judge(Masker()))
    if kept is not None:
        boxes.to_csv(kept, index=False)
    return boxes


def judge(masker: Masker) -> Iterator[dict[str, object]]:
    """A row a box of which it is known which object it means: the score of its mask, and how good the mask is."""
    for path, corners, objects in val_photographs():
        for box, mask in zip(corners, masker(path, corners) if len(corners) else [], strict=True):
            thing = true_object(box, objects)
            if thing is not None and mask.measures is not None:
                boundary, f = boundary_scores(mask.mask, thing, objects)
                yield {
                    "image": Path(path).stem,
                    "score": mask.score,
                    "expected_iou": mask.measures.expected_iou,
                    "flags": " ".join(mask.flags),
                    "iou": mask_iou(mask.mask, thing, objects),
                    "boundary_iou": boundary,
                    "boundary_f": f,
                }


def accepted(estimates: NDArray[np.float64], ious: NDArray[np.float64]) -> pd.DataFrame:
    """Say what is right among the masks that are accepted if the surest are taken first.

    Returns:
        One row per share: `share` of the masks that are accepted; `masks`, their number; `least`, the smallest estimate
        among them; `iou`, their mean; `right` and `usable`, the shares of them with an IoU of at least RIGHT and
        USABLE.
    """
    order = np.argsort(-estimates, kind="stable")
    rows = []
    for share in SHARES:
        part = order[: round(share * len(order))]
        own = ious[part]
        means = (own.mean(), (own >= RIGHT).mean(), (own >= USABLE).mean()) if len(own) else (np.nan,) * 3
        rows.append((share, len(own), estimates[part].min() if len(part) else np.nan, *means))
    return pd.DataFrame(rows, columns=["share", "masks", "least", "iou", "right", "usable"])


def plot(curve: pd.DataFrame, taken: pd.DataFrame, path: Path) -> None:
    """The reliability diagram, and what is right among the accepted."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.8), layout="constrained")
    left.plot([0, 1], [0, 1], color="0.7", zorder=0)
    for name, own in curve.groupby("what", sort=False):
        left.errorbar(own["estimate"], own["iou"], 2 * own["error"], fmt="o-", capsize=2, label=SCORES[str(name)])
    left.set(xlabel="mean score of a bin", ylabel="mean IoU, ± 2 standard errors", xlim=(0, 1), ylim=(0, 1.02))
    left.legend(loc="upper left", frameon=False, fontsize="small")
    for column, label in (("right", f"IoU ≥ {RIGHT}"), ("usable", f"IoU ≥ {USABLE}"), ("iou", "mean IoU")):
        right.plot(100 * taken["share"], 100 * taken[column], "o-", label=label)
    right.set(xlabel="accepted, the surest first (%)", ylabel="of the accepted (%)", xlim=(0, 102), ylim=(50, 101))
    right.set_xticks([100 * share for share in SHARES])
    right.legend(loc="lower left", frameon=False, fontsize="small")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
