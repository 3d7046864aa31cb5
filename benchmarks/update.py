"""The label update on superpixels against the dense version, on 2,000 candidates × 500×375 px × 3 boxes.

Prints the seconds of both, their ratio, and whether every choice is the same. The dense version is the same equations
written with dense masks and a loop over candidates, in float64, one thread; neither time holds the network's forward
pass. Ours starts from the pool as it is in memory (packed bits) and ends with each box's choice.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from boxsup.config.build import build
from boxsup.config.params import generation_settings
from boxsup.config.update import UpdateSettings
from boxsup.image.boxes import box_iou
from boxsup.labels.candidates import Candidates
from boxsup.labels.choice import Choice, choose
from boxsup.labels.soft_masks import MAX_PROBABILITY
from boxsup.proposals.pool import Pool
from boxsup.random import generator

T = TypeVar("T")
HEIGHT, WIDTH, CANDIDATES, REGIONS = 375, 500, 2000, 600
BOXES = np.array([[50, 40, 210, 300], [200, 100, 480, 350], [10, 10, 120, 90]])
LABELS = np.array([15, 7, 15])
CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
UPDATE = CONFIG["defaults"]["update"] | {"k": 5, "fallback_iou": 0.0}
CENTRED = {"temperature": 0.0, "overlap": "tight_box", "regression": "cross_entropy"}
VARIANTS = {
    "default": UPDATE,
    "paper's Eq. 2, 3": UPDATE | CONFIG["updates"]["paper"],
    "centred Eq. 3": UPDATE | CENTRED,
}


@dataclass(frozen=True)
class Scene:
    """A pool, its IoU with the boxes, the log-probabilities of the background and of each box's label."""

    pool: Pool
    iou: NDArray[np.float32]
    scores: NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2, help="random scenes a variant")
    args = parser.parse_args()
    print(f"{CANDIDATES} candidates × {WIDTH}×{HEIGHT} px × {len(BOXES)} boxes, one thread")
    print(f"{'variant':17s} {'dense s':>9s} {'ours s':>9s} {'ratio':>7s}  same choice")
    for name, update in VARIANTS.items():
        settings = build(UpdateSettings, generation_settings(update), "update")
        dense_seconds, our_seconds, same = [], [], True
        for seed in range(args.cases):
            scene = make_scene(seed)
            masks = scene.pool.matrix()[:, scene.pool.superpixels]  # 375 MB, not counted: what the pools spare us
            seconds, dense = timed(partial(dense_choice, masks, scene, settings), 1)
            dense_seconds.append(seconds)
            seconds, choices = timed(partial(our_choice, scene, settings), 5)
            our_seconds.append(seconds)
            same &= all((choice.best[: settings.k] == best).all() for choice, best in zip(choices, dense, strict=True))
        dense_time, our_time = np.median(dense_seconds), np.median(our_seconds)
        print(f"{name:17s} {dense_time:9.3f} {our_time:9.5f} {dense_time / our_time:6.0f}×  {'yes' if same else 'NO'}")


def make_scene(seed: int) -> Scene:
    """Voronoi superpixels, disc-like candidates, and smooth random scores of 21 classes."""
    random = np.random.default_rng(seed)
    points = random.random((REGIONS, 2)) * [HEIGHT, WIDTH]
    grid = np.stack(np.mgrid[:HEIGHT, :WIDTH], axis=-1).reshape(-1, 2)
    superpixels = cKDTree(points).query(grid)[1].reshape(HEIGHT, WIDTH).astype(np.uint16)
    centres, radii = random.random((CANDIDATES, 2)) * [HEIGHT, WIDTH], random.random(CANDIDATES) * 150 + 15
    members = ((points[None] - centres[:, None]) ** 2).sum(axis=2) < radii[:, None] ** 2
    members[np.arange(CANDIDATES), random.integers(0, REGIONS, CANDIDATES)] = True
    logits = np.stack([gaussian_filter(random.normal(size=(HEIGHT, WIDTH)), 8) * 40 for _ in range(21)])
    scores = (logits - np.log(np.exp(logits).sum(axis=0))).astype(np.float32)
    pool = Pool(superpixels, np.packbits(members.T, axis=1), -np.arange(CANDIDATES, dtype=np.float32))
    return Scene(pool, box_iou(BOXES, pool.boxes), scores[[0, *LABELS]])


def our_choice(scene: Scene, settings: UpdateSettings) -> list[Choice]:
    """What `boxsup labels` does with an image between its scores and its label map."""
    pool = scene.pool
    candidates = Candidates(pool.superpixels, pool.matrix().astype(np.float32), pool.boxes, BOXES, scene.iou)
    return choose(candidates, scene.scores, settings, [generator(row) for row in range(len(BOXES))])


def dense_choice(masks: NDArray[np.bool_], scene: Scene, settings: UpdateSettings) -> NDArray[np.int64]:
    """The k best candidates of each box, from dense masks and a loop over them."""
    choice = dense_paper if settings.regression == "cross_entropy" else dense_default
    return np.stack([choice(masks, scene, settings, row) for row in range(len(BOXES))])


def dense_paper(masks: NDArray[np.bool_], scene: Scene, settings: UpdateSettings, row: int) -> NDArray[np.int64]:
    """Each candidate's cross-entropy summed over the pixels of the region."""
    x0, y0, x1, y1 = BOXES[row]
    region = (slice(y0, y1), slice(x0, x1)) if settings.region == "box" else (slice(None), slice(None))
    background, label = (-scene.scores[c][region].astype(np.float64) for c in (0, 1 + row))
    if settings.centre:
        centred = (label - background) - (label - background).mean()
        background, label = np.zeros_like(centred), np.clip(centred, -settings.clamp, settings.clamp)
    pixels = {"none": 1, "image": HEIGHT * WIDTH, "box": (x1 - x0) * (y1 - y0)}[settings.norm]
    regression = np.array([np.where(mask[region], label, background).sum() for mask in masks]) / pixels
    overlap = (1.0 - scene.iou[row].astype(np.float64)) / (len(masks) if settings.overlap_norm == "candidates" else 1)
    return np.argsort(overlap + settings.lambda_ * regression, kind="stable")[: settings.k]


def dense_default(masks: NDArray[np.bool_], scene: Scene, settings: UpdateSettings, row: int) -> NDArray[np.int64]:
    """Coverage, leaking, agreement and expected IoU of each candidate, pixel by pixel."""
    x0, y0, x1, y1 = BOXES[row]
    box = (slice(y0, y1), slice(x0, x1))
    overlap = np.empty(len(masks))
    for n, mask in enumerate(masks):
        left, top, right, bottom = tight_box(mask)
        sides = np.clip([min(x1, right) - max(x0, left), min(y1, bottom) - max(y0, top)], 0, None)
        leaking = 1 - mask[box].sum() / mask.sum()
        overlap[n] = (
            1 - sides.prod() / ((x1 - x0) * (y1 - y0)) + settings.leak * leaking + settings.rank * np.log(1 + n)
        )

    def expectation(costs: NDArray[np.float64]) -> NDArray[np.float64]:
        weights = np.exp((costs.min() - costs) / settings.temperature)
        total = np.zeros((y1 - y0, x1 - x0))
        for weight, mask in zip(weights / weights.sum(), masks, strict=True):
            total += weight * mask[box]
        return total

    def soft_iou(soft: NDArray[np.float64]) -> NDArray[np.float64]:
        ious = np.empty(len(masks))
        for n, mask in enumerate(masks):
            intersection = soft[mask[box]].sum()
            ious[n] = intersection / (mask[box].sum() + soft.sum() - intersection)
        return ious

    log_p = scene.scores[1 + row][box].astype(np.float64)
    odds = log_p - np.log1p(-np.minimum(np.exp(log_p), MAX_PROBABILITY))
    superpixels = scene.pool.superpixels[box].ravel()
    pixels = np.maximum(np.bincount(superpixels), 1)
    mean = (np.bincount(superpixels, odds.ravel()) / pixels)[superpixels].reshape(odds.shape)
    levels = np.sort(mean.ravel())[::-1]
    threshold = levels[min(int(np.ceil(expectation(overlap).sum())), levels.size) - 1]
    seen = 1 / (1 + np.exp(threshold - mean))
    regression = np.array([np.abs(mask[box] - seen).mean() for mask in masks])
    costs = overlap + settings.lambda_ * regression
    return np.argsort(-soft_iou(expectation(costs)), kind="stable")[: settings.k]


def tight_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def timed(work: Callable[[], T], repeats: int) -> tuple[float, T]:
    """The least seconds of several runs, and the result."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


if __name__ == "__main__":
    main()
