"""What the score and the flags of `boxsup masks` are worth, and how good its masks are, beside true masks.

    python benchmarks/mask_quality.py [--runs results] [--epoch 12] [--out docs/results]

fits the weights of `boxsup/masking/quality.py` to the 395 photographs of `voc635_box_greedy` that are not among the 240
of `voc240_box_greedy`: their object maps are by networks that have not seen them, and neither has the semantic network
of `voc240_box_greedy`. It measures the weights in use on val, with the networks of `voc240_box_greedy`, as a user has
them who trained on 240 photographs with boxes. Flags are also counted on boxes that were made wrong: enlarged by
15 % of a side, moved to where no object is, or renamed to a class that is not in the image.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from common.logistic import logistic_weights
from common.true_masks import boundary_scores, mask_iou, objects_of, pools_of, true_object, update_settings
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, ImageRow, corners_of, read_catalogue
from boxsup.experiments.found import object_networks_in
from boxsup.experiments.tree import Run
from boxsup.image.boxes import box_iou, shorter_side
from boxsup.image.files import read_image
from boxsup.inference.scores import Predictor
from boxsup.machine.bars import tqdm
from boxsup.masking.box_masks import BoxMask, masks_of_boxes
from boxsup.masking.quality import FLAGS, WITH, WITHOUT, Measures, flags, quality, seen_threshold
from boxsup.objects.maps import ObjectMaps
from boxsup.objects.viewer import ObjectViewer
from boxsup.random import generator

WAYS = ("no model", "with a model")
ENLARGED = 0.15  # of a side, on each side
RIDGE = 1.0  # of the fit, on weights of features of deviation 1
BINS = 6
FULL_BOX = 0.8  # share of its box that an object fills, to count among those that fill it
BAD, FIRST = 0.5, 0.2  # IoU of a bad mask; share of the boxes that are looked at first

Maps = Callable[[ImageRow, NDArray[np.int64]], NDArray[np.uint8]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("results"), help="folder of the runs")
    parser.add_argument("--epoch", type=int, default=12, help="epoch of the semantic network")
    parser.add_argument("--out", type=Path, default=Path("docs/results"), help="folder for the tables and the figure")
    parser.add_argument("--shipped", action="store_true", help="measure with the object network of the package")
    parser.add_argument("--quick", action="store_true", help="fit nothing, judge no wrong boxes, and write no files")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    own, other = (Run(f"{name}_box_greedy", 0, args.runs) for name in ("voc240", "voc635"))
    networks, others, model = object_networks_in(own.folder), object_networks_in(other.folder), own.model(args.epoch)
    if not (networks and others and model.is_file()):
        print(f"mask_quality: object networks or {model} are not there: `make experiments` trains what it takes")
        return
    predictor, viewer = Predictor(model, 1), ObjectViewer([] if args.shipped else networks, 1)
    val = args.runs / "data/voc240/val"
    if not args.quick:
        fit_weights(args.runs, others, predictor)
    boxes = pd.DataFrame(
        judged(
            val, None, lambda row, corners: viewer.maps(read_image(row.path), corners), predictor, not args.quick, True
        )
    )
    boxes = pd.concat([flagged_boxes(group) for _, group in boxes.groupby("set")], ignore_index=True)
    true = boxes[(boxes["kind"] == "true") & boxes["iou"].notna()].reset_index(drop=True)
    for name, group in true.groupby("set"):
        print_worth(str(name), group)
    if args.quick:
        return
    curve = reliability(true)
    flagged = boxes.groupby(["set", "kind"])[[*FLAGS, "any"]].mean().round(3).reset_index()
    print(curve.to_string(index=False), flagged.to_string(index=False), sep="\n\n")
    args.out.mkdir(exist_ok=True)
    curve.to_csv(args.out / "mask_quality.csv", index=False)
    flagged.to_csv(args.out / "mask_flags.csv", index=False)
    plot(true, curve, args.out / "mask_quality.png")


def fit_weights(runs: Path, networks: Sequence[Path], predictor: Predictor) -> None:
    """Fit the weights of the score to photographs of `voc635` that no network has seen, and print them."""
    stored = ObjectMaps([path.with_suffix(".zarr") for path in networks])
    train, known = runs / "data/voc635/train", set(read_catalogue(runs / "data/voc240/train").ids)
    unseen = [image for image in read_catalogue(train).ids if image not in known]
    print_fits(pd.DataFrame(judged(train, unseen, lambda row, _: stored[row.image], predictor, False, False)))


def judged(
    split: Path, ids: Sequence[str] | None, maps_of: Maps, predictor: Predictor, wrong: bool, disjoint: bool
) -> Iterator[dict[str, object]]:
    """A row a box and way: its measures, and how good its mask is where the box is right.

    Args:
        split: The folder of the split.
        ids: Its images to judge; None for all.
        maps_of: Makes the object maps of boxes.
        predictor: The semantic network.
        wrong: Whether to judge boxes that were made wrong, too.
        disjoint: Whether to make disjoint masks, too.
    """
    catalogue, settings, pool_of = read_catalogue(split), update_settings(), pools_of(split)
    for row in tqdm([row for row in catalogue.rows() if ids is None or row.image in set(ids)], disable=None):
        image, pool, objects = read_image(row.path), pool_of(row), objects_of(row)
        scores = predictor.log_probabilities(image).cpu().numpy()
        for kind, own in all_boxes(catalogue, row, wrong):
            corners = corners_of(own)
            maps = maps_of(row, corners)
            for way, asked in zip(WAYS, (None, scores), strict=True):
                masks = masks_of_boxes(row.image, pool, own, asked, maps, settings)
                apart = masks
                if disjoint and kind == "true":
                    apart = masks_of_boxes(row.image, pool, own, asked, maps, settings, disjoint=True)
                for number, mask in enumerate(masks):
                    if mask is not None:
                        judgement = {"set": way, "image": row.image, "kind": kind, "quality": quality(mask.measures)}
                        judgement["side"] = shorter_side(tuple(corners[number]))
                        if kind == "true":
                            others = [each for each in masks if each is not None and each is not mask]
                            judgement |= goodness(mask, apart[number], others, corners[number], objects)
                        yield judgement | mask.measures._asdict()


def goodness(
    mask: BoxMask, apart: BoxMask | None, others: list[BoxMask], box: NDArray[np.int64], objects: NDArray[np.uint8]
) -> dict[str, float]:
    """How good a mask is; NaN where nobody knows which object the box means."""
    thing, pixels = true_object(box, objects), mask.pixels
    if thing is None:
        return {"iou": np.nan}
    x0, y0, x1, y1 = box
    filled = np.zeros_like(pixels)
    filled[y0:y1, x0:x1] = True
    elsewhere = np.zeros_like(pixels)
    for other in others:
        elsewhere |= other.pixels
    boundary, f = boundary_scores(pixels, thing, objects)
    return {
        "iou": mask_iou(pixels, thing, objects),
        "boundary": boundary,
        "boundary_of_box": boundary_scores(pixels, thing, objects, float(np.hypot(x1 - x0, y1 - y0)))[0],
        "boundary_f": f,
        "disjoint": 0.0 if apart is None else mask_iou(apart.pixels, thing, objects),
        "shared": float((pixels & elsewhere).sum() / pixels.sum()),
        "rectangle": mask_iou(filled, thing, objects),
        "full": float(thing[y0:y1, x0:x1].mean() >= FULL_BOX),
    }


def print_fits(boxes: pd.DataFrame) -> None:
    """The weights by these boxes, and what they are worth on the half of the images that they were not fitted to."""
    for way, (name, weights) in zip(WAYS, {"WITHOUT": WITHOUT, "WITH": WITH}.items(), strict=True):
        own = boxes[(boxes["set"] == way) & boxes["iou"].notna() & boxes["expected_iou"].notna()].reset_index(drop=True)
        features = [feature for feature in weights if feature]
        found = fit(own, features)
        print(f"{name}, fitted to {len(own)} boxes:", dict(zip(["", *features], found.round(2).tolist(), strict=True)))
        print("  in use:", weights)
        crossed = np.zeros(len(own))
        half = own["image"].isin(sorted(set(own["image"]))[::2]).to_numpy()
        for part in (half, ~half):
            crossed[part] = predicted(own[part], features, fit(own[~part], features))
        print("  " + worth(own.assign(quality=crossed)))


def worth(boxes: pd.DataFrame) -> str:
    """What the scores of boxes say of their masks."""
    first = boxes.sort_values("quality", kind="stable")[: round(FIRST * len(boxes))]
    bad, rank = boxes["iou"] < BAD, boxes["quality"].corr(boxes["iou"], method="spearman")
    error = (boxes["quality"] - boxes["iou"]).abs().mean()
    return (
        f"rank correlation {rank:.2f}, mean error {error:.3f}; of {bad.sum()} masks with an IoU below {BAD}, "
        f"{(first['iou'] < BAD).sum() / max(1, bad.sum()):.0%} are among the {FIRST:.0%} with the lowest score"
    )


def print_worth(name: str, boxes: pd.DataFrame) -> None:
    """How good the masks of a way are, and what their scores are worth."""
    means = boxes[["iou", "boundary", "boundary_of_box", "boundary_f", "disjoint", "rectangle", "shared"]].mean()
    full = boxes[boxes["full"] > 0]
    print(f"\n{name}: {len(boxes)} boxes\n{means.round(3).to_string()}\nof {len(full)} that fill their box: "
          f"{full['iou'].mean():.3f}, rectangles {full['rectangle'].mean():.3f}")  # fmt: skip
    best = boxes.loc[boxes["quality"] >= boxes["quality"].median(), "iou"].mean()
    print(f"mean IoU of the better half by score {best:.3f}; {worth(boxes)}")
    flagged, bad = boxes["any"], boxes["iou"] < BAD
    print(f"flagged: {flagged.mean():.0%} of the boxes, {(flagged & bad).sum() / bad.sum():.0%} of the bad masks")


def flagged_boxes(boxes: pd.DataFrame) -> pd.DataFrame:
    """The boxes of a way with a column a flag, as if the wrong ones were few among the right ones."""
    least = seen_threshold(boxes.loc[boxes["kind"] == "true", "seen"].to_list())
    rows = boxes[["side", *Measures._fields]].itertuples(index=False)
    raised = [flags(Measures(*row), side, least) for side, *row in rows]
    columns = {name: [name in own for own in raised] for name in FLAGS}
    return boxes.assign(**columns, any=[bool(own) for own in raised])


def all_boxes(catalogue: Catalogue, row: ImageRow, wrong: bool) -> Iterator[tuple[str, pd.DataFrame]]:
    """The boxes of an image: `true` ones, and each kind of wrong ones beside no other."""
    boxes = catalogue.boxes_of(row.image)
    if len(boxes):
        yield "true", boxes
    if wrong and len(boxes):
        made = with_wrong_ones(catalogue, row)
        yield from ((kind, made[made["kind"] == kind]) for kind in dict.fromkeys(made["kind"]) if kind != "true")


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


def fit(boxes: pd.DataFrame, features: Sequence[str]) -> NDArray[np.float64]:
    """Weights of 1 and of features in a logistic function of the IoU, by penalised maximum likelihood."""
    values, iou = boxes[list(features)].to_numpy(float), boxes["iou"].to_numpy()
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    design = np.column_stack([np.ones(len(values)), (values - mean) / deviation])
    weights = logistic_weights(design, iou, RIDGE)
    slopes = weights[1:] / deviation
    return np.array([weights[0] - slopes @ mean, *slopes])


def predicted(boxes: pd.DataFrame, features: Sequence[str], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores that weights give."""
    design = np.column_stack([np.ones(len(boxes)), boxes[list(features)].to_numpy(float)])
    return 1 / (1 + np.exp(-design @ weights))


def reliability(boxes: pd.DataFrame) -> pd.DataFrame:
    """Bins of as many boxes each, from the lowest quality to the highest: mean quality and mean IoU."""
    rows = []
    for name, group in boxes.groupby("set"):
        for part in np.array_split(group.sort_values("quality", kind="stable").index.to_numpy(), BINS):
            own = group.loc[part]
            rows.append((name, len(own), own["quality"].mean(), own["iou"].mean(), (own["iou"] < 0.5).mean()))
    return pd.DataFrame(rows, columns=["set", "boxes", "quality", "iou", "below_half"]).round(3)


def plot(boxes: pd.DataFrame, curve: pd.DataFrame, path: Path) -> None:
    """Quality against true IoU: every box, and the bins."""
    figure, axes = plt.subplots(figsize=(5, 4.4), layout="constrained")
    for name, group in boxes.groupby("set"):
        axes.scatter(group["quality"], group["iou"], s=9, alpha=0.45, label=f"a box, {name}")
    for name, own in curve.groupby("set"):
        axes.plot(own["quality"], own["iou"], "o-", label=f"mean of a {BINS}th, {name}")
    axes.plot([0, 1], [0, 1], color="0.7", zorder=0)
    axes.set(xlabel="quality", ylabel="IoU with the true mask", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
