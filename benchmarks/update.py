"""The label update on superpixels against the dense version, on 2,000 candidates × 500×375 px × 3 boxes.

Prints the seconds of both, their ratio, and whether every choice is the same. The dense version is Eq. 3 written with
dense masks and a loop over candidates, in float64, one thread; neither time holds the network's forward pass.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from boxsup.labels.overlaps import box_iou
from boxsup.labels.update import overlap_costs, regression_costs
from boxsup.settings import UpdateSettings

HEIGHT, WIDTH, CANDIDATES, REGIONS = 375, 500, 2000, 600
BOXES = np.array([[50, 40, 210, 300], [200, 100, 480, 350], [10, 10, 120, 90]])
LABELS = np.array([15, 7, 15])
SETTINGS = UpdateSettings(5, 1.0, "none", "box", "box", True, 5.0, True, 0.5, "use")
VARIANTS = {
    "ours": SETTINGS,
    "paper's Eq. 3": replace(SETTINGS, lambda_=3.0, region="image", norm="none", centre=False, clamp=0.0),
    "image mean": replace(SETTINGS, lambda_=3.0, region="image", norm="image", centre=False, clamp=0.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2, help="random scenes a variant")
    args = parser.parse_args()
    print(f"{CANDIDATES} candidates × {WIDTH}×{HEIGHT} px × {len(BOXES)} boxes, one thread")
    print(f"{'variant':15s} {'dense s':>9s} {'ours s':>9s} {'ratio':>7s}  same choice")
    for name, settings in VARIANTS.items():
        dense_seconds, our_seconds, same = [], [], True
        for seed in range(args.cases):
            scene = make_scene(seed)
            members = np.unpackbits(scene["bits"], axis=1, count=REGIONS).astype(bool)
            masks = members[:, scene["superpixels"]]  # 375 MB, not counted: what the pools spare us
            seconds, dense = timed(partial(dense_choice, masks, scene, settings), 1)
            dense_seconds.append(seconds)
            seconds, ours = timed(partial(our_choice, scene, settings), 5)
            our_seconds.append(seconds)
            same &= bool((dense == ours).all())
        dense_time, our_time = np.median(dense_seconds), np.median(our_seconds)
        print(f"{name:15s} {dense_time:9.3f} {our_time:9.5f} {dense_time / our_time:6.0f}×  {'yes' if same else 'NO'}")


def make_scene(seed: int) -> dict[str, NDArray]:
    """Voronoi superpixels, disc-like candidates, and smooth random scores of 21 classes."""
    random = np.random.default_rng(seed)
    points = random.random((REGIONS, 2)) * [HEIGHT, WIDTH]
    grid = np.stack(np.mgrid[:HEIGHT, :WIDTH], axis=-1).reshape(-1, 2)
    superpixels = cKDTree(points).query(grid)[1].reshape(HEIGHT, WIDTH).astype(np.uint16)
    centres, radii = random.random((CANDIDATES, 2)) * [HEIGHT, WIDTH], random.random(CANDIDATES) * 150 + 15
    members = ((points[None] - centres[:, None]) ** 2).sum(axis=2) < radii[:, None] ** 2
    members[np.arange(CANDIDATES), random.integers(0, REGIONS, CANDIDATES)] = True
    boxes = np.array([tight_box(members[i][superpixels]) for i in range(CANDIDATES)])
    logits = np.stack([gaussian_filter(random.normal(size=(HEIGHT, WIDTH)), 8) * 40 for _ in range(21)])
    scores = (logits - np.log(np.exp(logits).sum(axis=0))).astype(np.float32)
    bits = np.packbits(members, axis=1)
    return {"superpixels": superpixels, "bits": bits, "iou": box_iou(BOXES, boxes), "scores": scores}


def tight_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def our_choice(scene: dict[str, NDArray], settings: UpdateSettings) -> NDArray[np.int64]:
    """The k best candidates of each box, from the pool as it is stored."""
    members = np.unpackbits(scene["bits"], axis=1, count=REGIONS).astype(bool)
    log_probabilities = scene["scores"][[0, *LABELS]]
    regression = regression_costs(log_probabilities, scene["superpixels"], members, BOXES, settings)
    total = overlap_costs(scene["iou"], settings) + settings.lambda_ * regression
    return np.argsort(total, axis=1, kind="stable")[:, : settings.k]


def dense_choice(masks: NDArray[np.bool_], scene: dict[str, NDArray], settings: UpdateSettings) -> NDArray[np.int64]:
    """The same from dense masks: each candidate's cross-entropy summed over the pixels of the region."""
    best = []
    for label, (x0, y0, x1, y1), iou in zip(LABELS, BOXES, scene["iou"], strict=True):
        region = (slice(y0, y1), slice(x0, x1)) if settings.region == "box" else (slice(None), slice(None))
        background, object_ = (-scene["scores"][c][region].astype(np.float64) for c in (0, label))
        if settings.centre:
            centred = (object_ - background) - (object_ - background).mean()
            background, object_ = np.zeros_like(centred), np.clip(centred, -settings.clamp, settings.clamp)
        pixels = {"none": 1, "image": HEIGHT * WIDTH, "box": (x1 - x0) * (y1 - y0)}[settings.norm]
        regression = np.array([np.where(mask[region], object_, background).sum() for mask in masks]) / pixels
        total = (1.0 - iou.astype(np.float64)) + settings.lambda_ * regression
        best.append(np.argsort(total, kind="stable")[: settings.k])
    return np.stack(best)


def timed(work: Callable[[], NDArray], repeats: int) -> tuple[float, NDArray]:
    """The least seconds of several runs, and the result."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


if __name__ == "__main__":
    main()
