"""Mean IoU of the rows on 240 photographs over all others that are at hand: `val`'s 120, and 395 of `trainaug`.

`make experiments` scores its rows on `val` alone, as the paper does; on 120 photographs a row differs by a point or two
by chance. Its networks on 240 saw none of `voc635`'s other photographs either. Scores the last network of each seed,
without CRF, on `val`, on those, and on both together, with each bias of the background; with `--write` to
docs/results/voc240_unseen.csv.
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
from boxsup.inference.scores import Predictor

ROOT = Path(__file__).parents[1]
BIASES = (0.0, -0.25, -0.5, -0.75, -1.0)
ROWS = ("mask", "semi", "box_greedy", "box", "box_gop", "box_ss", "grabcut", "bbox_seg", "rectangles")


def confusion_by_bias(model: Path, catalogue: Catalogue) -> NDArray[np.int64]:
    """Of a network's labels of the images with a true mask: a matrix a bias."""
    scored = Predictor(model, torch.get_num_threads()).score_files(row.path for row in images_with_masks(catalogue))
    maps = (labels_by_bias(found) for _, found in scored)
    return np.stack(confusions(catalogue, maps, str(model)))


def labels_by_bias(log_probabilities: NDArray[np.float32]) -> tuple[NDArray[np.uint8], ...]:
    """The likeliest labels, H×W, with each bias; the predictor's own would take a forward pass for each."""
    background, objects = log_probabilities[0], log_probabilities[1:]
    likeliest, score = 1 + objects.argmax(axis=0).astype(np.uint8), objects.max(axis=0)
    return tuple(np.where(background + bias >= score, 0, likeliest).astype(np.uint8) for bias in BIASES)


def scores(results: Path, models: Sequence[Path]) -> pd.DataFrame:
    """A row an experiment, seed and bias."""
    val, seen = read_catalogue(results / "data/voc240/val"), set(read_catalogue(results / "data/voc240/train").ids)
    more = read_catalogue(results / "data/voc635/train")
    others = more.subset([image for image in more.ids if image not in seen])
    rows = []
    for model in models:
        on_val, on_others = confusion_by_bias(model, val), confusion_by_bias(model, others)
        name, seed = model.parts[-5].removeprefix("voc240_"), int(model.parts[-4].removeprefix("seed-"))
        for bias, *matrices in zip(BIASES, on_val, on_others, on_val + on_others, strict=True):
            found = zip(("val", "others", "both"), (100 * mean_iou(matrix) for matrix in matrices), strict=True)
            rows.append({"experiment": name, "seed": seed, "bias": bias} | dict(found))
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--rows", nargs="*", default=ROWS)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    models = [m for row in args.rows for m in sorted(args.results.glob(f"voc240_{row}/seed-*/epochs/012/model.pt"))]
    if not models or not (args.results / "data/voc635/train").is_dir():
        print(f"{args.results}: nothing to score; run `make experiments` first")
        return
    torch.set_num_threads(2)
    table = scores(args.results, models)
    grouped = table.groupby(["bias", "experiment"], sort=False)[["val", "others", "both"]]
    print(grouped.agg(["mean", "std"]).to_string(float_format="%.1f"))
    if args.write:
        table.to_csv(ROOT / "docs/results/voc240_unseen.csv", index=False, float_format="%.2f")


if __name__ == "__main__":
    main()
