"""What the label update should be: variants of it measured on real photographs, one question at a time.

    make study-update

Two kinds of measurement, both on the training split, whose true masks judge and never train:

* one step: a network is trained on labels by overlap alone; each variant then makes one generation from its scores.
  What a variant is better by is not hidden by what the loop makes of it, and a variant takes seconds. Images are
  split into a third (every third of the list), on which values are chosen, and the rest, which confirms them.
* whole loops: labels, an epoch, labels, … as an experiment runs them, for what only shows over time.

Writes `update_steps.csv`, `update_loops.csv` and `update.png` to the folder `--out`; loops that are in its table
already are not run again.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import copy
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
import yaml
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from boxsup.catalogue.tables import Catalogue, ImageRow, read_catalogue, read_image, read_mask
from boxsup.config import epoch_settings, generation_settings, merge, resolve
from boxsup.evaluation.confusion import confusion_matrix, mean_iou
from boxsup.evaluation.quality import measure
from boxsup.evaluation.truth import confusions
from boxsup.inference.crf import marginals
from boxsup.inference.scores import Predictor
from boxsup.labels.choice import RECTANGLE, Choice, choose, ranking
from boxsup.labels.costs import Candidates, cross_entropy_costs, expectation, overlap_costs, regression_costs
from boxsup.labels.fixed import masks_from_boxes
from boxsup.labels.generation import ChoiceTables, Update
from boxsup.labels.grabcut import grabcut
from boxsup.labels.overlaps import Overlaps
from boxsup.labels.painting import paint
from boxsup.network import build as build_network
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from boxsup.network.images import normalised
from boxsup.network.pretrained import imagenet_weights
from boxsup.proposals.pool import Pool, Pools
from boxsup.random import torch_seed
from boxsup.settings import CrfSettings, NetworkSettings, ScheduleSettings, TrainingSettings, UpdateSettings, build
from boxsup.store.labels import VOID, Labels, creating_labels
from boxsup.training.data import Epoch, batches
from boxsup.training.epoch import make_optimizer, train_epoch

ROOT = Path(__file__).parents[1]
Block = dict[str, Any]
Masks = list[NDArray[np.bool_] | None]  # of an image's boxes; None: the rectangle
STATES = {"young": 2, "half": 6, "old": 12}  # epochs of the network that is asked

CENTRED: Block = {  # cross-entropy as in Eq. 3, over the box and centred: the least change that does not collapse
    "temperature": 0.0,
    "overlap": "tight_box",
    "regression": "cross_entropy",
    "lambda": 0.5,
    "k": 1,
}


# --- data -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Data:
    """A split to train on with its candidates, and one to evaluate on."""

    train: Catalogue
    val: Catalogue
    pools: Mapping[str, Pool]
    overlaps: Mapping[str, NDArray[np.float32]]
    truth: Mapping[str, NDArray[np.uint8]]
    images: Mapping[str, NDArray[np.uint8]]

    @classmethod
    def read(cls, folder: Path, proposals: str) -> Data:
        """All of it in memory."""
        train, val = read_catalogue(folder / "train"), read_catalogue(folder / "val")
        shards = {
            kind: sorted((folder / f"train/{kind}/{proposals}").glob("*.zarr")) for kind in ("proposals", "overlaps")
        }
        stores = Pools(shards["proposals"])
        return cls(
            train,
            val,
            {image: stores[image] for image in stores},
            dict(Overlaps(shards["overlaps"])),
            {row.image: read_mask(row.mask) for row in train.rows()},
            {row.image: read_image(row.path) for row in (*train.rows(), *val.rows())},
        )


def settings(configuration: Block, *over: Block) -> UpdateSettings:
    """The default update with some keys changed."""
    update = configuration["update"]
    for changes in over:
        update = merge(update, changes)
    return build(UpdateSettings, generation_settings(update), "update")


# --- one step ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scene:
    """What a variant of one step is given of an image."""

    image: str
    pixels: NDArray[np.uint8]
    pool: Pool
    candidates: Candidates
    labels: NDArray[np.int64]
    scores: NDArray[np.float32] | None  # (1 + B)×H×W; None: the network is not asked


Step = Callable[[Scene, UpdateSettings], Masks]


def by_update(scene: Scene, chosen: UpdateSettings) -> Masks:
    """The package's own update."""
    generators = [np.random.default_rng(row) for row in range(len(scene.labels))]
    choices = choose(scene.candidates, scene.scores, chosen, generators)
    return [scene.pool.mask(choice.chosen) if choice.chosen != RECTANGLE else None for choice in choices]


def without_network(scene: Scene, chosen: UpdateSettings) -> Masks:
    return by_update(replace(scene, scores=None), chosen)


def costs_of(scene: Scene, chosen: UpdateSettings) -> NDArray[np.float64]:
    overlap = overlap_costs(scene.candidates, chosen)
    return overlap + chosen.lambda_ * regression_costs(scene.scores, scene.candidates, overlap, chosen)


def best_of(scene: Scene, chosen: UpdateSettings, costs: NDArray[np.float64]) -> Masks:
    """Each box's best candidate from costs, or its rectangle."""
    ranks, _ = ranking(scene.candidates, costs, chosen)
    fits = scene.candidates.iou.max(axis=1) >= chosen.fallback_iou
    return [scene.pool.mask(int(best)) if fit else None for best, fit in zip(ranks[:, 0], fits, strict=True)]


def jointly(weight: float) -> Step:
    """Two sweeps in which a segment pays for what the other boxes' candidates are expected to hold."""

    def step(scene: Scene, chosen: UpdateSettings) -> Masks:
        costs = costs_of(scene, chosen)
        pixels = np.bincount(scene.candidates.superpixels.ravel(), minlength=scene.candidates.members.shape[1])
        adjusted = costs.copy()
        for _ in range(2):
            held = expectation(scene.candidates, adjusted, chosen) * scene.candidates.inside / pixels
            for row in range(len(costs)):
                others = np.delete(held, row, axis=0).max(axis=0, initial=0)
                taken = scene.candidates.members @ (scene.candidates.inside[row] * others)
                adjusted[row] = costs[row] + weight * taken / np.maximum(scene.candidates.clipped[row], 1)
        return best_of(scene, chosen, adjusted)

    return step


def by_rank(scene: Scene, chosen: UpdateSettings) -> Masks:
    """E_r by a candidate's rank among the 100 that overlap the box best, from 0 to 1."""
    overlap = overlap_costs(scene.candidates, chosen)
    regression = cross_entropy_costs(scene.scores, scene.candidates, chosen)
    costs = overlap + 10
    for row in range(len(costs)):
        near = np.argsort(overlap[row], kind="stable")[:100]
        costs[row, near] = overlap[row, near] + chosen.lambda_ * regression[row, near].argsort().argsort() / len(near)
    return best_of(scene, chosen, costs)


def majority(scene: Scene, chosen: UpdateSettings) -> Masks:
    """No candidate at all: the superpixels that more than half of the expectation holds."""
    expected = expectation(scene.candidates, costs_of(scene, chosen), chosen)
    masks = (expected > 0.5)[:, scene.pool.superpixels]
    return [mask if mask.any() else None for mask in masks]


def fallback_grabcut(scene: Scene, chosen: UpdateSettings) -> Masks:
    """GrabCut where no candidate fits."""
    masks = by_update(scene, chosen)
    return masks if all(mask is not None for mask in masks) else [
        mask if mask is not None else grabcut(scene.pixels, box)
        for mask, box in zip(masks, scene.candidates.boxes, strict=True)
    ]  # fmt: skip


def crf_first(crf: CrfSettings) -> Step:
    """The dense CRF over the scores of the image's labels before the update."""

    def step(scene: Scene, chosen: UpdateSettings) -> Masks:
        _, first, where = np.unique(scene.labels, return_index=True, return_inverse=True)
        scores = scene.scores[np.concatenate(([0], 1 + first))]
        refined = np.log(np.maximum(marginals(scene.pixels, scores, crf), 1e-6))
        return by_update(replace(scene, scores=refined[np.concatenate(([0], 1 + where))]), chosen)

    return step


def oracle(scene: Scene, chosen: UpdateSettings, truth: NDArray[np.uint8]) -> Masks:
    """The candidate with the most IoU, in the box, with the true pixels of the box's class."""
    masks: Masks = []
    for row, (window, label) in enumerate(zip(scene.candidates.windows(), scene.labels, strict=True)):
        counted = np.bincount(
            scene.pool.superpixels[window].ravel(), (truth[window] == label).ravel(), scene.candidates.members.shape[1]
        )
        shares = counted / np.maximum(scene.candidates.inside[row], 1)
        one = replace(scene.candidates, boxes=scene.candidates.boxes[row : row + 1])
        masks.append(scene.pool.mask(int(one.soft_iou(shares[None].astype(np.float32)).argmax())))
    return masks


@dataclass(frozen=True)
class Asked:
    """A network's logits at its stride, image by image, at some scales of the image and mirrored."""

    logits: dict[str, list[Tensor]]

    def scores(self, image: str, labels: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.float32]:
        """Log-probabilities of `labels` at every pixel, from the mean of the logits."""
        sizes = [
            functional.interpolate(one[None], shape, mode="bilinear", align_corners=False)[0]
            for one in self.logits[image]
        ]
        return functional.log_softmax(sum(sizes) / len(sizes), dim=0)[labels].numpy()  # type: ignore[arg-type]


def ask(model: torch.nn.Module, data: Data, scales: tuple[float, ...] = (1.0,), mirror: bool = False) -> Asked:
    def forward(pixels: NDArray[np.uint8]) -> Tensor:
        with torch.inference_mode():
            return model(normalised(pixels)[None].to(memory_format=torch.channels_last))[0]

    logits = {}
    for image in data.train.ids:
        pixels = data.images[image]
        sized = [
            cv2.resize(pixels, None, fx=s, fy=s, interpolation=cv2.INTER_AREA) if s != 1 else pixels for s in scales
        ]
        logits[image] = [forward(one) for one in sized]
        if mirror:
            logits[image] += [forward(np.ascontiguousarray(one[:, ::-1])).flip(2) for one in sized]
    return Asked(logits)


def scenes(data: Data, asked: Asked) -> Iterator[tuple[Scene, pd.DataFrame]]:
    for row in data.train.rows():
        own, pool = data.train.boxes_of(row.image), data.pools[row.image]
        corners, labels = own[["x0", "y0", "x1", "y1"]].to_numpy(np.int64), own["label"].to_numpy(np.int64)
        candidates = Candidates(
            pool.superpixels, pool.matrix().astype(np.float32), pool.boxes, corners, data.overlaps[row.image]
        )
        scores = asked.scores(row.image, np.concatenate(([0], labels)), (row.height, row.width))
        yield Scene(row.image, data.images[row.image], pool, candidates, labels, scores), own


@dataclass(frozen=True)
class Variant:
    """One row of the table of steps."""

    question: str
    name: str
    over: tuple[Block, ...] = ()
    step: Step = by_update
    scores: str = "plain"
    state: str = "half"


def one_steps(data: Data, configuration: Block, variants: list[Variant], networks: dict[str, Any]) -> pd.DataFrame:
    """Label mIoU of each variant on the third and on the rest, and fill."""
    classes, rows = len(data.train.classes), []
    for sort in dict.fromkeys((variant.state, variant.scores) for variant in variants):
        asked = networks[sort[0]](sort[1])
        chosen = [variant for variant in variants if (variant.state, variant.scores) == sort]
        confusion = np.zeros((len(chosen), 2, classes, classes + 1), np.int64)
        fill = np.zeros((len(chosen), 2))
        for number, (scene, own) in enumerate(scenes(data, asked)):
            truth = data.truth[scene.image]
            foreground = (truth != 0) & (truth != VOID)
            corners = own[["x0", "y0", "x1", "y1"]].to_numpy(np.int64)
            for v, variant in enumerate(chosen):
                update = settings(configuration, *variant.over)
                masks = oracle(scene, update, truth) if variant.name == "oracle" else variant.step(scene, update)
                if variant.name == "rectangles":
                    masks = [None] * len(masks)
                labels = paint(*truth.shape, corners, scene.labels, masks, update.clip)
                confusion[v, int(number % 3 > 0)] += confusion_matrix(truth, labels, classes)
                fill[v] += [((labels > 0) & (truth != VOID)).sum() / max(1, foreground.sum()), 1]
        for v, variant in enumerate(chosen):
            rows.append(
                {
                    "question": variant.question,
                    "variant": variant.name,
                    "network": variant.state,
                    "third": 100 * mean_iou(confusion[v, 0]),
                    "rest": 100 * mean_iou(confusion[v, 1]),
                    "all": 100 * mean_iou(confusion[v].sum(axis=0)),
                    "fill": fill[v, 0] / fill[v, 1],
                }
            )
            print(pd.DataFrame(rows[-1:]).to_string(index=False, header=False, float_format="%.2f"), flush=True)
    return pd.DataFrame(rows)


def step_variants(paper: Block, crf: CrfSettings) -> list[Variant]:
    """The questions of one step, each with its answers."""
    literal = {**paper, "k": 1}
    image = {**CENTRED, "lambda": 3.0, "norm": "image", "centre": False, "clamp": 0.0}
    plain = [
        Variant("bounds", "rectangles"),
        Variant("bounds", "oracle"),
        Variant("bounds", "default"),
        Variant("E_o alone", "1 - IoU of tight boxes, cheapest", (CENTRED,), without_network),
        Variant("E_o alone", "1 - IoU of tight boxes, expected IoU", ({"overlap": "tight_box"},), without_network),
        Variant("E_o alone", "coverage, cheapest", ({"temperature": 0.0, "rank": 0.0},), without_network),
        Variant("E_o alone", "coverage, expected IoU", ({"rank": 0.0},), without_network),
        Variant("E_o alone", "coverage and rank, expected IoU", (), without_network),
        Variant("scaling", "paper, literally: E_o / N + 3 E_r", (literal,)),
        Variant("scaling", "E_o + 3 E_r / N", ({**literal, "overlap_norm": "none", "norm": "image"},)),
        Variant(
            "scaling", "the same in the box", ({**literal, "overlap_norm": "none", "norm": "image", "region": "box"},)
        ),
        Variant("scaling", "the same, clipped, rectangle where none fits", (image,)),
        Variant("scaling", "centred in the box, / box, λ 0.5", (CENTRED,)),
        Variant("scaling", "the same, λ 3", ({**CENTRED, "lambda": 3.0},)),
        Variant("scaling", "by rank among 100, λ 0.5", (CENTRED,), by_rank),
        Variant("scaling", "centred, expected IoU, λ 0.1", ({"regression": "cross_entropy", "lambda": 0.1},)),
        Variant("scaling", "centred, expected IoU, λ 0.3", ({"regression": "cross_entropy", "lambda": 0.3},)),
    ]
    plain += [Variant("λ", str(value), ({"lambda": value},)) for value in (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)]
    plain += [Variant("temperature", str(value), ({"temperature": value},)) for value in (0.0, 0.02, 0.05, 0.1, 0.2)]
    plain += [Variant("leak", str(value), ({"leak": value},)) for value in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)]
    plain += [Variant("rank", str(value), ({"rank": value},)) for value in (0.0, 0.005, 0.01, 0.02, 0.04)]
    plain += [Variant("k, one draw", str(value), ({"k": value},)) for value in (1, 2, 5, 10)]
    plain += [
        Variant("rectangle below IoU", str(value), ({"fallback_iou": value},)) for value in (0.0, 0.3, 0.4, 0.5, 0.6)
    ]
    plain += [
        Variant("no candidate fits", "GrabCut", step=fallback_grabcut),
        Variant("clip", "no", ({"clip": False},)),
        Variant("other boxes", "pay 0.2 for what others hold", step=jointly(0.2)),
        Variant("other boxes", "pay 0.4 for what others hold", step=jointly(0.4)),
        Variant("trim and grow", "superpixels held by half", step=majority),
        Variant("scores", "dense CRF first", step=crf_first(crf)),
        Variant("scores", "and mirrored", scores="mirrored"),
        Variant("scores", "scales 0.7, 1, 1.4", scores="scales"),
    ]
    for state in ("young", "old"):
        plain += [
            Variant("age of the network", "default", state=state),
            Variant("age of the network", "paper, literally", (literal,), state=state),
            Variant("age of the network", "centred in the box, / box, λ 0.5", (CENTRED,), state=state),
        ]
    return plain


# --- whole loops ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loop:
    """A run of labels and epochs."""

    name: str
    over: tuple[Block, ...] = ()
    every: int = 1
    warmup: int = 2
    fixed: str = ""  # truth | rectangles | first: labels that no update changes
    ema: float = 0.0  # of the network that is asked, after each epoch


def run_loop(data: Data, configuration: Block, loop: Loop, seed: int, epochs: int) -> pd.DataFrame:
    """A row a generation, the last by the winner (k = 1) after the last epoch, with the scores on val."""
    training = build(TrainingSettings, epoch_settings(configuration["training"]), "training")
    schedule = build(ScheduleSettings, {**configuration["schedule"], "epochs": epochs}, "schedule")
    update = settings(configuration, *loop.over)
    model = fresh_network(configuration, len(data.train.classes), seed)
    optimizer = make_optimizer(model, training)
    rows, previous, averaged = [], None, None
    with tempfile.TemporaryDirectory() as folder:
        store, checkpoint = Path(folder, "labels.zarr"), Path(folder, "model.pt")
        save_checkpoint(checkpoint, Checkpoint(configuration["network"]["name"], data.train.classes, model, 0, {}))
        for generation in range(1, epochs + 2):
            last = generation > epochs
            due = (generation - 1) % loop.every == 0 and (generation == 1 or not loop.fixed)
            if last or due:
                asked = generation > loop.warmup and not loop.fixed
                chosen = replace(update, k=1) if last else update
                predictor = Predictor(checkpoint, training.threads) if asked else None
                made = make_labels(data, chosen, seed, generation, predictor, loop.fixed)
                previous = write_generation(data, store, made, generation, loop, seed, epochs, rows, previous)
            if last:
                break
            epoch = Epoch(data.train, store, training, seed, generation)
            loader = batches(epoch, training, seed, generation, 0)
            train_epoch(
                model, optimizer, loader, len(loader), training, schedule, seed, generation, each=lambda step: None
            )
            state = {name: value.clone() for name, value in model.state_dict().items()}
            averaged = average(averaged, state, loop.ema)
            asked_model = copy.deepcopy(model)
            asked_model.load_state_dict(averaged)
            save_checkpoint(
                checkpoint,
                Checkpoint(configuration["network"]["name"], data.train.classes, asked_model, generation, {}),
            )
        save_checkpoint(checkpoint, Checkpoint(configuration["network"]["name"], data.train.classes, model, epochs, {}))
        rows[-1]["val_miou"] = 100 * validate(data, Predictor(checkpoint, training.threads))
    print(f"{loop.name}, seed {seed}, {epochs} epochs: val {rows[-1]['val_miou']:.1f}", flush=True)
    return pd.DataFrame(rows)


def fresh_network(configuration: Block, classes: int, seed: int) -> Any:  # noqa: ANN401 - a Segmenter
    chosen = build(NetworkSettings, configuration["network"], "network")
    torch.manual_seed(torch_seed(seed, "network"))
    model = build_network(chosen.name, classes)
    model.load_imagenet(imagenet_weights(model.imagenet, chosen).weights)
    return model.to(memory_format=torch.channels_last)


def average(old: dict[str, Tensor] | None, new: dict[str, Tensor], keep: float) -> dict[str, Tensor]:
    if old is None or not keep:
        return new
    return {k: keep * old[k] + (1 - keep) * v if v.is_floating_point() else v for k, v in new.items()}


def make_labels(
    data: Data, update: UpdateSettings, seed: int, generation: int, predictor: Predictor | None, fixed: str
) -> Callable[[str], tuple[NDArray[np.uint8], list[Choice]]]:
    def scores(image: str, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        return predictor.log_probabilities(data.images[image])[labels].numpy()  # type: ignore[union-attr]

    made = Update(data.pools, data.overlaps, scores if predictor else None, update, seed, generation)

    def labels(image: str) -> tuple[NDArray[np.uint8], list[Choice]]:
        own = data.train.boxes_of(image)
        if fixed in ("truth", "rectangles"):
            filled = masks_from_boxes("rectangles", data.images[image], own).labels
            choices = [Choice.without_candidate(RECTANGLE)] * len(own)
            return data.truth[image] if fixed == "truth" else filled, choices
        result = made.labels(image, *data.truth[image].shape, own)
        return result.labels, result.choices

    return labels


def write_generation(
    data: Data,
    store: Path,
    made: Callable[[str], tuple[NDArray[np.uint8], list[Choice]]],
    generation: int,
    loop: Loop,
    seed: int,
    epochs: int,
    rows: list[Block],
    previous: NDArray[np.int32] | None,
) -> NDArray[np.int32]:
    tables = ChoiceTables(len(data.train.boxes), 10)
    with creating_labels(store, data.train.ids, data.train.sizes, {}) as writer:
        for image in data.train.ids:
            labels, choices = made(image)
            for row, choice in zip(data.train.boxes_of(image).index, choices, strict=True):
                tables.record(row, choice)
            writer.append(image, labels=labels)
    unmasked = np.zeros(len(data.train.images), bool)
    quality = measure(generation, data.train, Labels(store), unmasked, tables.chosen, previous)
    row = {
        "loop": loop.name,
        "seed": seed,
        "epochs": epochs,
        "generation": generation,
        "label_miou": 100 * quality.miou,
    }
    row |= {"fill": quality.fill, "box_fill": quality.box_fill, "changed": quality.changed, "val_miou": np.nan}
    rows.append(row)
    print(pd.DataFrame([row]).to_string(index=False, header=False, float_format="%.3f"), flush=True)
    return tables.chosen


def validate(data: Data, predictor: Predictor) -> float:
    def predict(row: ImageRow) -> tuple[NDArray[np.uint8]]:
        return (predictor.log_probabilities(data.images[row.image]).argmax(dim=0).numpy().astype(np.uint8),)

    (confusion,) = confusions(data.val, predict, "validate")
    return mean_iou(confusion)


def loops(paper: Block) -> dict[str, Loop]:
    """Whole loops by name."""
    named = [
        Loop("true masks", fixed="truth"),
        Loop("rectangles", fixed="rectangles"),
        Loop("by boxes alone", fixed="first"),
        Loop("default"),
        Loop("paper", (paper,), warmup=0),
        Loop("paper, first by boxes", (paper,), warmup=1),
        Loop("centred", ({"regression": "cross_entropy", "lambda": 0.1},)),
        Loop("k 5", ({"k": 5},)),
        Loop("rank 0", ({"rank": 0.0},)),
        Loop("warm-up 1", warmup=1),
        Loop("warm-up 4", warmup=4),
        Loop("every 3", every=3),
        Loop("averaged network", ema=0.5),
    ]
    return {loop.name: loop for loop in named}


# --- the whole --------------------------------------------------------------------------------------------------------


def wanted(text: str, epochs: int) -> tuple[str, list[int], int]:
    """Name, seeds and epochs of `NAME[:SEED,SEED…[:EPOCHS]]`."""
    name, seeds, number = (*text.split(":"), "", "")[:3]
    return name, [int(seed) for seed in (seeds or "0").split(",")], int(number or epochs)


def trained_networks(data: Data, configuration: Block) -> dict[str, Callable[[str], Asked]]:
    """State -> what the network of that age, trained on labels by boxes alone, says to a kind of scores."""
    training = build(TrainingSettings, epoch_settings(configuration["training"]), "training")
    schedule = build(ScheduleSettings, {**configuration["schedule"], "epochs": max(STATES.values())}, "schedule")
    model = fresh_network(configuration, len(data.train.classes), 0)
    optimizer = make_optimizer(model, training)
    kinds = {"plain": ((1.0,), False), "mirrored": ((1.0,), True), "scales": ((0.7, 1.0, 1.4), False)}
    networks = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "labels.zarr")
        made = make_labels(data, settings(configuration, {"k": 1}), 0, 1, None, "first")
        write_generation(data, store, made, 1, Loop("labels of the study's network"), 0, 0, [], None)
        for epoch in range(1, max(STATES.values()) + 1):
            loader = batches(Epoch(data.train, store, training, 0, epoch), training, 0, epoch, 0)
            train_epoch(model, optimizer, loader, len(loader), training, schedule, 0, epoch, each=lambda step: None)
            for state in [name for name, last in STATES.items() if last == epoch]:
                frozen = copy.deepcopy(model).eval()
                networks[state] = lambda kind, frozen=frozen: ask(frozen, data, *kinds[kind])
    return networks


def plot(table: pd.DataFrame, out: Path) -> None:
    """Label mIoU and fill by generation, a line a loop: means over the seeds."""
    table = table[~table["loop"].isin(["true masks", "rectangles"])]
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, (column, title) in zip(axes, (("label_miou", "label mIoU (%)"), ("fill", "fill")), strict=True):
        for (name, epochs), rows in table.groupby(["loop", "epochs"], sort=False):
            mean = rows.groupby("generation")[column].mean()
            axis.plot(mean.index, mean, label=f"{name}, {epochs} epochs", marker=".", linewidth=1.2)
        axis.set(xlabel="generation", ylabel=title)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7, frameon=False)
    figure.savefig(out, dpi=110, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "benchmarks/voc240.yaml", help="merged over config.yaml")
    parser.add_argument("--experiment", default="voc240_box", help="whose data, network and training")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/results", help="folder of the tables")
    parser.add_argument("--name", default="update", help="what the tables' names begin with")
    parser.add_argument("--loops", nargs="*", default=["default:0,1,2", "paper:0"], help="NAME[:SEEDS[:EPOCHS]] …")
    parser.add_argument("--no-steps", action="store_true", help="whole loops only")
    args = parser.parse_args()
    torch.set_num_threads(2)
    base = yaml.safe_load((ROOT / "config.yaml").read_text())
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    more = yaml.safe_load(args.config.read_text()) if args.config != ROOT / "config.yaml" else {}
    experiment = resolve(merge(base, more), schema)["experiments"][args.experiment]
    data = Data.read(ROOT / "results/data" / experiment["dataset"], experiment["proposals"])
    paper = base["updates"]["paper"]
    if not args.no_steps:
        networks = trained_networks(data, experiment)
        table = one_steps(
            data, experiment, step_variants(paper, build(CrfSettings, experiment["inference"]["crf"], "crf")), networks
        )
        table.to_csv(args.out / f"{args.name}_steps.csv", index=False, float_format="%.2f")
    path = args.out / f"{args.name}_loops.csv"
    done = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["loop", "seed", "epochs"])
    for text in args.loops:
        name, seeds, epochs = wanted(text, experiment["epochs"])
        for seed in seeds:
            if ((done["loop"] == name) & (done["seed"] == seed) & (done["epochs"] == epochs)).any():
                continue
            rows = run_loop(data, experiment, loops(paper)[name], seed, epochs)
            done = pd.concat([done, rows], ignore_index=True) if len(done) else rows
            done.to_csv(path, index=False, float_format="%.4f")
    if len(done):
        plot(done, args.out / f"{args.name}.png")


if __name__ == "__main__":
    main()
