"""A small tree of results in the real format: label maps are made up, their tables come from the real stages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from pycocotools.mask import encode

from boxsup.catalogue.tables import (
    IMAGE_COLUMNS,
    Catalogue,
    corners_of,
    read_catalogue,
    write_catalogue,
)
from boxsup.cli import main
from boxsup.evaluation.quality import union_of_boxes
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments.scored import scored_settings
from boxsup.experiments.tree import ExperimentFolder, Run
from boxsup.image.files import read_mask
from boxsup.labels.choice_tables import NO_PIXELS, SHARPENED
from boxsup.objects.crops import box_map
from boxsup.objects.maps import object_maps_writer, to_bytes
from boxsup.proposals.pool import make_pool
from boxsup.proposals.pool_store import pools_writer
from boxsup.store.labels import labels_writer

CLASSES = ("background", "cat", "dog <b>")
SIDE = (48, 64)


@dataclass
class Tree:
    """Where things lie under the working directory, and how to make the page.

    `masked` images keep their true mask; with `maps`, boxes choose by object maps.
    """

    config: dict[str, Any]
    epochs: int = 2
    masked: int = 1
    maps: bool = False
    train: Path = Path("results/data/demo/train")
    val: Path = Path("results/data/demo/val")
    folder: Path = Path("results/demo_semi")

    def seed(self, seed: int = 0) -> Path:
        return self.folder / f"seed-{seed}"

    def run(self, seed: int = 0) -> Run:
        return ExperimentFolder.at(self.folder).run(seed)

    def plan(self) -> ExperimentPlan:
        return ExperimentPlan.alone("demo_semi", {**self.config["experiment"], "epochs": self.epochs})

    def evaluate(self, seed: int) -> None:
        """Hold its predictions against the true masks that the split has now."""
        path = self.seed(seed) / f"predictions/{self.epochs:03d}.zarr"
        for command, name in ((["evaluation"], "evaluation"), (["trimap", "measure"], "trimap")):
            out = self.seed(seed) / f"{name}/{self.epochs:03d}.csv"
            main([*command, "--catalogue", str(self.val), "--predictions", str(path), "--out", str(out)])

    def report(self, *more: str) -> str:
        out = self.folder / "report.html"
        main([*self.arguments(out), *more])
        return out.read_text(encoding="utf-8")

    def arguments(self, out: Path) -> list[str]:
        options = {"experiment": "demo_semi", "config": json.dumps(self.config), "train": self.train, "val": self.val}
        options |= {"folder": self.folder, "epochs": self.epochs, "out": out}
        return ["report", *(text for key, value in options.items() for text in (f"--{key}", str(value)))]


def write_split(folder: Path, count: int, masks: bool = True) -> None:
    """Pictures of noise with one rectangle-like object each."""
    random = np.random.default_rng(count)
    files = folder / "files"
    files.mkdir(parents=True)
    images, boxes = [], []
    for i in range(count):
        name, label = f"{folder.name}_{i:03d}", 1 + i % 2
        x0, y0 = (int(value) for value in random.integers(4, 20, 2))
        corners = (x0, y0, x0 + 24, y0 + 20)
        mask = np.zeros(SIDE, np.uint8)
        mask[y0:, x0:][:20, :24][np.tri(20, 24, 8, bool)] = label
        Image.fromarray(random.integers(0, 255, (*SIDE, 3), np.uint8)).save(files / f"{name}.png")
        Image.fromarray(mask).save(files / f"{name}-mask.png")
        images.append((name, str(files / f"{name}.png"), *SIDE, str(files / f"{name}-mask.png") if masks else "", ""))
        boxes.append((name, label, *corners, 0, 0))
    write_catalogue(
        folder,
        Catalogue(
            pd.DataFrame(images, columns=list(IMAGE_COLUMNS)),
            pd.DataFrame(boxes, columns=["image", "label", "x0", "y0", "x1", "y1", "difficult", "crowd"]),
            CLASSES,
        ),
    )


def write_run(tree: Tree, seed: int) -> None:
    """Generations, training logs, predictions and their tables of one seed."""
    for epoch in range(1, tree.epochs + 1):
        write_generation(tree, seed, epoch)
        folder = tree.seed(seed) / f"epochs/{epoch:03d}"
        folder.mkdir(parents=True)
        loss = np.linspace(2.0 / epoch, 1.0 / epoch, 30) + 0.01 * seed
        log = pd.DataFrame({"epoch": epoch, "iteration": np.arange(30) + 30 * (epoch - 1), "loss": loss, "rate": 0.01})
        log.to_csv(folder / "train.csv", index=False)
        score = 0.3 + 0.1 * epoch
        curve = pd.DataFrame({"class": [*CLASSES, "mean"], "iou": [0.9, score, score, score]})
        curve.to_csv(folder / "val.csv", index=False)
    write_predictions(tree, seed)


def write_generation(
    tree: Tree,
    seed: int,
    number: int,
    chose: Mapping[int, int] | None = None,
    sharp: Mapping[int, NDArray[np.bool_]] | None = None,
    reviewed: int = 0,
) -> Path:
    """Labels that fill their boxes less from generation to generation; the first images may keep their true mask.

    `chose` says what some boxes chose, by their rows, and `sharp` has the segments, H×W, of those that were sharpened.
    `reviewed` is how many masks a person decided on.
    """
    catalogue = read_catalogue(tree.train)
    path = tree.seed(seed) / f"labels/{number:03d}.zarr"
    write_pools(tree, catalogue)
    attributes = {
        "generation": number,
        "seed": seed,
        "catalogue": str(tree.train),
        "classes": list(CLASSES),
        "proposals": ["results/data/demo/train/proposals/selective_search"],
        "objects": write_maps(tree, seed, catalogue) if tree.maps else [],
        "versions": {"stage": 1, "boxsup": "0.1.0", "numpy": "1.99.0"},
    } | ({"reviewed": reviewed} if reviewed else {})
    with labels_writer(path, catalogue.ids, catalogue.sizes, attributes) as writer:
        for i, image in enumerate(catalogue.ids):
            boxes = catalogue.boxes_of(image)
            labels = union_of_boxes(SIDE, corners_of(boxes)).astype(np.uint8) * int(boxes["label"].iloc[0])
            labels[:: 1 + number] = 0
            writer.append(image, labels=read_mask(catalogue.images["mask"].iloc[i]) if i < tree.masked else labels)
        chosen = np.full(len(catalogue.boxes), number % 2, np.int32)
        chosen[1], chosen[: tree.masked] = -1, -2
        for row, choice in (chose or {}).items():
            chosen[row] = choice
        best = np.tile(np.array([1, 0], np.int32), (len(chosen), 1))
        writer.table("chosen", chosen)
        writer.table("best", best)
        segments = {row: encode(np.asfortranarray(mask))["counts"] for row, mask in (sharp or {}).items()}
        runs = {row: np.frombuffer(counts, np.uint8) for row, counts in segments.items()}
        writer.ragged(SHARPENED, [runs.get(row, NO_PIXELS) for row in range(len(chosen))])
        writer.table("overlap_cost", np.full(best.shape, 0.25, np.float32))
        writer.table("regression_cost", np.full(best.shape, -0.5, np.float32))
        costs = np.linspace(0.1, 0.5, len(best), dtype=np.float32)[:, None] + np.array([0.0, 0.25], np.float32)
        writer.table("object_cost", costs if tree.maps else np.zeros_like(costs))
        writer.table("expected_iou", np.full(best.shape, 0.75, np.float32))
        writer.table("true_mask", np.arange(len(catalogue.ids)) < tree.masked)
    arguments = ["label-quality", "--catalogue", str(tree.train), "--labels", str(path)]
    previous = path.with_name(f"{number - 1:03d}.zarr")
    more = ["--previous", str(previous), "--first", str(path.with_name("001.csv"))] if previous.exists() else []
    main([*arguments, *more, "--out", str(path.with_suffix(".csv"))])
    return path


def write_maps(tree: Tree, seed: int, catalogue: Catalogue) -> list[str]:
    """Object maps that are the true masks, nowhere surer than 0.4 in the last image; the paths of their two stores."""
    paths = [tree.run(seed).object_maps(1, i, 2) for i in range(2)]
    for i, path in enumerate(paths):
        images = catalogue.ids[i::2]
        with object_maps_writer(path, images, 20, {}) as writer:
            for image in images:
                [box], [label] = corners_of(catalogue.boxes_of(image)), catalogue.boxes_of(image)["label"]
                [own] = (row for row in catalogue.rows() if row.image == image)
                held = read_mask(own.mask)[box[1] : box[3], box[0] : box[2]] == label if own.mask else np.tri(20, 24)
                surely = 0.4 if image == catalogue.ids[-1] else 1.0
                writer.append(to_bytes(surely * box_map(held.astype(np.float32), 20))[None])
    return list(map(str, paths))


def write_pools(tree: Tree, catalogue: Catalogue) -> None:
    """Two candidates an image, its left and its right half, in two shards."""
    superpixels = np.zeros(SIDE, np.int64)
    superpixels[:, SIDE[1] // 2 :] = 1
    pool = make_pool(superpixels, np.eye(2, dtype=bool), np.array([2.0, 1.0]))
    for i in range(2):
        shard = catalogue.shard(i, 2)
        path = tree.train / f"proposals/selective_search/{i}-of-2.zarr"
        with pools_writer(path, shard.ids, shard.sizes, {}) as writer:
            for image in shard.ids:
                writer.append(image, pool)


def write_predictions(tree: Tree, seed: int) -> None:
    """The true masks with ever wider stripes cut out, fewer after the CRF."""
    catalogue = read_catalogue(tree.val)
    path = tree.seed(seed) / f"predictions/{tree.epochs:03d}.zarr"
    attributes = {
        "versions": {"boxsup": "0.1.0", "torch": "2.99.0"},
        "pretrained": {"file": "w.pth", "sha256": "ab" * 32},
        "model": "cd" * 32,
        "crf": {"iterations": 2},
    }
    with labels_writer(path, catalogue.ids, catalogue.sizes, attributes, names=("labels", "labels_crf")) as writer:
        for i, (image, mask) in enumerate(zip(catalogue.ids, catalogue.images["mask"], strict=True)):
            truth: NDArray[np.uint8] = read_mask(mask)
            plain, crf = truth.copy(), truth.copy()
            plain[:: 2 + seed] = 0
            crf[: SIDE[0] // 4 + 3 * i] = 0
            writer.append(image, labels=plain, labels_crf=crf)
    tree.evaluate(seed)


def write_masked(tree: Tree) -> None:
    """The tables of the split `masks`, whose images keep their true mask."""
    train = read_catalogue(tree.train)
    images = train.images.iloc[: tree.masked]
    boxes = train.boxes[train.boxes["image"].isin(images["image"])]
    write_catalogue(tree.train.parent / "masks", Catalogue(images, boxes, train.classes))


def record(tree: Tree, seed: int, plan: ExperimentPlan) -> None:
    """Write beside a run's evaluation what it was made with, as the workflow does."""
    path = tree.run(seed).scored(tree.epochs)
    path.write_text(json.dumps(scored_settings(plan)), encoding="utf-8")
