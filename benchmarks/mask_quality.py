"""What the quality of `boxsup masks` is worth: scores against true masks, and flags on boxes that are right and wrong.

    python benchmarks/mask_quality.py [--runs results] [--out docs/results]

takes every third of val's images of `benchmarks/voc240.yaml` and every other one of the demo's, 60 in all, with the
networks of `voc240_box_greedy` and `demo_semi`. It fits the score's weights to one half of the images at a time,
measures them on the other half, and prints those of all, which stand in `boxsup/masking/quality.py`. Flags are
counted on the boxes as they are, and on boxes that were made wrong: enlarged by 15 % of a side, moved to where no
object is, or renamed to a class that is not in the image.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.tables import (
    Catalogue,
    ImageRow,
    corners_of,
    read_catalogue,
)
from boxsup.config.build import build
from boxsup.config.files import block, project_config
from boxsup.config.params import generation_settings
from boxsup.config.update import UpdateSettings
from boxsup.image.boxes import box_iou, tight_box
from boxsup.image.files import read_image, read_mask
from boxsup.inference.scores import Predictor
from boxsup.masking.box_masks import masks_of_boxes
from boxsup.masking.quality import FLAGS, INTERCEPT, WEIGHTS, Measures, flags, quality, seen_threshold
from boxsup.proposals.methods import build_settings, make_proposer
from boxsup.random import generator

FEATURES = ["expected_iou", "network_agreement", "overlap_cost"]
ENLARGED = 0.15  # of a side, on each side
RIDGE = 1.0  # of the fit, on weights of features of deviation 1
BINS = 6


@dataclass(frozen=True)
class Set:
    """Images with true masks, and a network for them."""

    name: str
    tables: str
    model: str
    step: int
    count: int


SETS = (
    Set("voc240", "data/voc240/val", "voc240_box_greedy/seed-0/epochs/012/model.pt", 3, 40),
    Set("demo", "data/demo/val", "demo_semi/seed-0/epochs/006/model.pt", 2, 20),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("results"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=Path("docs/results"), help="folder for the table and the figure")
    args = parser.parse_args()
    missing = [args.runs / each.model for each in SETS if not (args.runs / each.model).is_file()]
    if missing:
        print(f"mask_quality: {missing[0]} is not there: `make experiments` and `make demo` train what it takes")
        return
    boxes = pd.concat([flagged_boxes(pd.DataFrame(measured(each, args.runs))) for each in SETS], ignore_index=True)
    true = boxes[(boxes["kind"] == "true") & boxes["iou"].notna()].reset_index(drop=True)
    fitted = true[true["expected_iou"].notna()]
    true["fitted"] = true["quality"]
    true.loc[fitted.index, "fitted"] = crossed(fitted)
    weights = " ".join(f"{value:.2f}" for value in fit(fitted))
    print(f"weights of 1, {', '.join(FEATURES)}: {weights}; in use: {INTERCEPT} {WEIGHTS}")
    for name, group in [*true.groupby("set"), ("all", true)]:
        rank = group["fitted"].corr(group["iou"], method="spearman")
        error = (group["fitted"] - group["iou"]).abs().mean()
        print(f"{name}: {len(group)} boxes, mean IoU {group['iou'].mean():.3f}, of the best half by quality "
              f"{best_half(group):.3f}; rank correlation {rank:.2f}, mean error {error:.3f}")  # fmt: skip
    curve = reliability(true)
    flagged = boxes.groupby(["set", "kind"])[list(FLAGS) + ["any"]].mean().round(3).reset_index()
    print(curve.to_string(index=False), flagged.to_string(index=False), sep="\n\n")
    worth = true.groupby(["set", "any"])["iou"].agg(["size", "mean"]).round(3)
    print("", worth.to_string(), sep="\n")
    curve.to_csv(args.out / "mask_quality.csv", index=False)
    flagged.to_csv(args.out / "mask_flags.csv", index=False)
    plot(true, curve, args.out / "mask_quality.png")


def measured(images: Set, runs: Path) -> Iterator[dict[str, object]]:
    """A row a box, right or wrong: its measures, and the IoU of its mask with the object where it is right."""
    config = project_config()
    settings = build(UpdateSettings, generation_settings(block(config, "defaults", "update")), "update")
    propose = make_proposer(build_settings(config["proposals"]["mcg"], "proposals.mcg"))
    catalogue = read_catalogue(runs / images.tables)
    predictor = Predictor(runs / images.model, 2, catalogue.classes)
    rows = [row for row in catalogue.rows() if row.objects][:: images.step][: images.count]
    for row in tqdm(rows, images.name, disable=None):
        pixels = read_image(row.path)
        boxes = with_wrong_ones(catalogue, row)
        scores = predictor.log_probabilities(pixels).cpu().numpy()
        masks = masks_of_boxes(row.image, propose(pixels, row.image), boxes, scores, settings)
        truth, objects = read_mask(row.mask), read_mask(row.objects)
        for box, mask in zip(boxes.itertuples(), masks, strict=True):
            if mask is None:
                continue
            corners = np.array([box.x0, box.y0, box.x1, box.y1])
            yield {
                "set": images.name,
                "image": row.image,
                "kind": box.kind,
                "iou": true_iou(mask.pixels, corners, box.label, truth, objects) if box.kind == "true" else np.nan,
                "quality": quality(mask.measures),
                **mask.measures._asdict(),
            }


def flagged_boxes(boxes: pd.DataFrame) -> pd.DataFrame:
    """A set's boxes with a column a flag, as if the wrong ones were few among the right ones."""
    least = seen_threshold(boxes.loc[boxes["kind"] == "true", "seen"].to_list())
    raised = [flags(Measures(*row), least) for row in boxes[list(Measures._fields)].itertuples(index=False)]
    columns = {name: [name in own for own in raised] for name in FLAGS}
    return boxes.assign(**columns, any=[bool(own) for own in raised])


def with_wrong_ones(catalogue: Catalogue, row: ImageRow) -> pd.DataFrame:
    """An image's boxes, and those that were made wrong, with a column `kind`."""
    boxes = catalogue.boxes_of(row.image)
    draws, corners = generator(0, "wrong boxes", row.image), corners_of(boxes)
    size = np.array([row.width, row.height])
    absent = sorted(set(range(1, len(catalogue.classes))) - set(boxes["label"]))
    made = [boxes.assign(kind="true")]
    for number, (x0, y0, x1, y1) in enumerate(corners):
        box, sides = boxes.iloc[[number]], np.array([x1 - x0, y1 - y0])
        low = np.maximum((x0, y0) - ENLARGED * sides, 0).astype(int)
        high = np.minimum((x1, y1) + ENLARGED * sides, size).astype(int)
        made.append(_moved(box, low, high).assign(kind="enlarged"))
        made.append(box.assign(label=int(draws.choice(absent)), kind="renamed"))
        sides = np.maximum(sides * 7 // 10, 1)
        for _ in range(20):
            low = draws.integers(0, size - sides + 1)
            if box_iou(np.array([[*low, *(low + sides)]]), corners).max() < 0.02:
                made.append(_moved(box, low, low + sides).assign(kind="moved"))
                break
    return pd.concat(made, ignore_index=True)


def _moved(box: pd.DataFrame, low: NDArray[np.integer], high: NDArray[np.integer]) -> pd.DataFrame:
    return box.assign(x0=int(low[0]), y0=int(low[1]), x1=int(high[0]), y1=int(high[1]))


def true_iou(
    pixels: NDArray[np.bool_],
    corners: NDArray[np.integer],
    label: int,
    truth: NDArray[np.uint8],
    objects: NDArray[np.uint8],
) -> float:
    """IoU of a mask with the label's object whose tight box is nearest to the box, less void; NaN if none is near."""
    best, found = 0.5, np.nan
    for number in set(np.unique(objects[truth == label])) - {0, 255}:
        thing = objects == number
        near = float(box_iou(corners[None], np.array([tight_box(thing)]))[0, 0])
        if near > best:
            best, found = near, (pixels & thing).sum() / ((pixels | thing) & (objects != 255)).sum()
    return float(found)


def fit(boxes: pd.DataFrame) -> NDArray[np.float64]:
    """Weights of 1 and of FEATURES in a logistic function of the IoU, by penalised maximum likelihood."""
    values, iou = boxes[FEATURES].to_numpy(float), boxes["iou"].to_numpy()
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    design = np.column_stack([np.ones(len(values)), (values - mean) / deviation])
    penalty = RIDGE * np.diag([0.0, *np.ones(len(FEATURES))])
    weights = np.zeros(design.shape[1])
    for _ in range(50):  # of Newton's method
        predicted = 1 / (1 + np.exp(-design @ weights))
        hessian = (design.T * (predicted * (1 - predicted))) @ design + penalty
        weights += np.linalg.solve(hessian, design.T @ (iou - predicted) - penalty @ weights)
    slopes = weights[1:] / deviation
    return np.array([weights[0] - slopes @ mean, *slopes])


def crossed(boxes: pd.DataFrame) -> NDArray[np.float64]:
    """Each box's quality by the weights that the other half of the images gives."""
    images = sorted(set(boxes["image"]))
    half = boxes["image"].isin(images[::2]).to_numpy()
    design = np.column_stack([np.ones(len(boxes)), boxes[FEATURES].to_numpy(float)])
    found = np.zeros(len(boxes))
    for part in (half, ~half):
        found[part] = 1 / (1 + np.exp(-design[part] @ fit(boxes[~part])))
    return found


def best_half(boxes: pd.DataFrame) -> float:
    """The mean IoU of the boxes whose quality is above the median."""
    return float(boxes.loc[boxes["fitted"] >= boxes["fitted"].median(), "iou"].mean())


def reliability(boxes: pd.DataFrame) -> pd.DataFrame:
    """Bins of as many boxes each, from the lowest quality to the highest: mean quality and mean IoU."""
    rows = []
    for name, group in [*boxes.groupby("set"), ("all", boxes)]:
        for part in np.array_split(group.sort_values("fitted", kind="stable").index.to_numpy(), BINS):
            own = group.loc[part]
            rows.append((name, len(own), own["fitted"].mean(), own["iou"].mean(), (own["iou"] < 0.5).mean()))
    return pd.DataFrame(rows, columns=["set", "boxes", "quality", "iou", "below_half"]).round(3)


def plot(boxes: pd.DataFrame, curve: pd.DataFrame, path: Path) -> None:
    """Quality against true IoU: every box, and the bins."""
    figure, axes = plt.subplots(figsize=(5, 4.4), layout="constrained")
    for name, group in boxes.groupby("set"):
        axes.scatter(group["fitted"], group["iou"], s=9, alpha=0.45, label=f"{name}, a box")
    own = curve[curve["set"] == "all"]
    axes.plot(own["quality"], own["iou"], "ko-", label=f"mean of a {BINS}th")
    axes.plot([0, 1], [0, 1], color="0.7", zorder=0)
    axes.set(xlabel="quality", ylabel="IoU with the true mask", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
