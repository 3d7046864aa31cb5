"""Mean IoU of rows on 240 and 635 photographs over all photographs at hand that their networks did not see.

`make experiments` scores its rows on `val` alone, as the paper does; on 120 photographs a row differs by a point or two
by chance. The networks saw none of `voc2k`'s 2,000 photographs (with SBD's masks), and those on 240 none of the other
395 of `voc635`. Scores the last network of each seed, without CRF, on `val`, on these others, and on both together,
with each bias of the background; with `--write` to docs/results/voc240_unseen.csv or voc635_unseen.csv. Takes some
three minutes a network.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.evaluation.confusion import mean_iou
from boxsup.evaluation.truth import confusions, images_with_masks
from boxsup.image.files import read_image
from boxsup.inference.scores import Predictor

ROOT = Path(__file__).parents[1]
BIASES = (0.0, -0.25, -0.5, -0.75, -1.0)
ROWS = ("mask", "semi", "box_greedy", "box", "box_gop", "box_ss", "grabcut", "bbox_seg", "rectangles")


def confusion_by_bias(model: Path, catalogue: Catalogue) -> NDArray[np.int64]:
    """Of a network's labels of the images with a true mask: a matrix a bias."""
    images = (read_image(row.path) for row in images_with_masks(catalogue))
    maps = (labels_by_bias(found) for _, found in Predictor(model, torch.get_num_threads()).score_images(images))
    return np.stack(confusions(catalogue, maps, str(model)))


def labels_by_bias(log_probabilities: NDArray[np.float32]) -> tuple[NDArray[np.uint8], ...]:
    """The likeliest labels, H×W, with each bias; the predictor's own would take a forward pass for each."""
    background, objects = log_probabilities[0], log_probabilities[1:]
    likeliest, score = 1 + objects.argmax(axis=0).astype(np.uint8), objects.max(axis=0)
    return tuple(np.where(background + bias >= score, 0, likeliest).astype(np.uint8) for bias in BIASES)


def unseen(data: Path, trained_on: str) -> list[Catalogue]:
    """The photographs that networks trained on a data set did not see, in addition to `val`."""
    seen = set(read_catalogue(data / trained_on / "train").ids)
    known = [read_catalogue(data / name / "train") for name in ("voc635", "voc2k") if name != trained_on]
    return [catalogue.subset([image for image in catalogue.ids if image not in seen]) for catalogue in known]


def scores(data: Path, trained_on: str, models: Sequence[Path]) -> pd.DataFrame:
    """A row an experiment, seed and bias."""
    val, others = read_catalogue(data / trained_on / "val"), unseen(data, trained_on)
    rows = []
    for model in models:
        on_val = confusion_by_bias(model, val)
        on_others = np.sum([confusion_by_bias(model, catalogue) for catalogue in others], axis=0)
        name, seed = model.parts[-5].removeprefix(f"{trained_on}_"), int(model.parts[-4].removeprefix("seed-"))
        for bias, *matrices in zip(BIASES, on_val, on_others, on_val + on_others, strict=True):
            found = zip(("val", "others", "both"), (100 * mean_iou(matrix) for matrix in matrices), strict=True)
            rows.append({"experiment": name, "seed": seed, "bias": bias} | dict(found))
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--trained-on", choices=("voc240", "voc635"), default="voc240", help="the data set of the rows")
    parser.add_argument("--rows", nargs="*", default=ROWS)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    data, epoch = args.results / "data", "epochs/012/model.pt"
    models = [m for row in args.rows for m in sorted(args.results.glob(f"{args.trained_on}_{row}/seed-*/{epoch}"))]
    if not models or not all((data / name / "train").is_dir() for name in ("voc635", "voc2k")):
        print(f"{args.results}: nothing to score; run `make experiments` and the rows of voc2635 first")
        return
    torch.set_num_threads(2)
    table = scores(data, args.trained_on, models)
    grouped = table.groupby(["bias", "experiment"], sort=False)[["val", "others", "both"]]
    print(grouped.agg(["mean", "std"]).to_string(float_format="%.1f"))
    if args.write:
        table.to_csv(ROOT / f"docs/results/{args.trained_on}_unseen.csv", index=False, float_format="%.2f")


if __name__ == "__main__":
    main()
