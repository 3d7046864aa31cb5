"""Mean IoU of the rows on 240 photographs over all others that are at hand: `val`'s 120, and 395 of `trainaug`.

`make experiments` scores its rows on `val` alone, as the paper does; on 120 photographs a row differs by a point or two
by chance. Its networks on 240 saw none of `voc635`'s other photographs either. Scores the last network of each seed,
without CRF, on `val`, on those, and on both together; with `--write` to docs/results/voc240_unseen.csv.
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
from boxsup.evaluation.truth import confusions, with_masks
from boxsup.inference.scores import Predictor

ROOT = Path(__file__).parents[1]
ROWS = ("mask", "semi", "box_greedy", "box", "box_gop", "box_ss", "grabcut", "bbox_seg", "rectangles")


def confusion(model: Path, catalogue: Catalogue) -> NDArray[np.int64]:
    """Of a network's labels of the images with a true mask."""
    scored = Predictor(model, torch.get_num_threads()).scored(row.path for row in with_masks(catalogue))
    maps = ((scores.argmax(axis=0).astype(np.uint8),) for _, scores in scored)
    (matrix,) = confusions(catalogue, maps, str(model))
    return matrix


def scores(results: Path, names: Sequence[str]) -> pd.DataFrame:
    """A row an experiment and seed whose last network is there."""
    val, seen = read_catalogue(results / "data/voc240/val"), set(read_catalogue(results / "data/voc240/train").ids)
    more = read_catalogue(results / "data/voc635/train")
    others = more.part([image for image in more.ids if image not in seen])
    rows = []
    for name in names:
        for model in sorted(results.glob(f"voc240_{name}/seed-*/epochs/012/model.pt")):
            on_val, on_others = confusion(model, val), confusion(model, others)
            found = {"val": on_val, "others": on_others, "both": on_val + on_others}
            seed = int(model.parts[-4].removeprefix("seed-"))
            rows.append({"experiment": name, "seed": seed} | {k: 100 * mean_iou(v) for k, v in found.items()})
    return pd.DataFrame(rows, columns=["experiment", "seed", "val", "others", "both"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--rows", nargs="*", default=ROWS)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    if not (args.results / "data/voc635/train").is_dir():
        print(f"{args.results}: nothing to score; run `make experiments` first")
        return
    torch.set_num_threads(2)
    table = scores(args.results, args.rows)
    grouped = table.groupby("experiment", sort=False)[["val", "others", "both"]]
    print(grouped.agg(["mean", "std"]).to_string(float_format="%.1f"))
    masks = grouped.mean()["both"].get("mask")
    if masks:
        print((100 * grouped.mean()["both"] / masks).to_string(float_format="%.1f"), "% of masks, both", sep="\n")
    if args.write:
        table.to_csv(ROOT / "docs/results/voc240_unseen.csv", index=False, float_format="%.2f")


if __name__ == "__main__":
    main()
