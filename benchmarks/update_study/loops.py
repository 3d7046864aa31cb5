"""Whole loops: labels, an epoch, labels, … as an experiment runs them."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sources import Block, Data, settings
from torch import Tensor
from torch.nn import functional

from boxsup.config.build import build
from boxsup.config.params import epoch_settings
from boxsup.config.training import NetworkSettings, ScheduleSettings, TrainingSettings
from boxsup.config.update import UpdateSettings
from boxsup.evaluation.confusion import mean_iou
from boxsup.evaluation.quality import measure_generation
from boxsup.evaluation.truth import confusions, images_with_masks
from boxsup.image import VOID
from boxsup.inference.scores import Predictor
from boxsup.labels.baselines import baseline_labels
from boxsup.labels.choice import Choice, Chosen
from boxsup.labels.choice_tables import ChoiceTables
from boxsup.labels.generation import LabelUpdate
from boxsup.network import build_network as build_network
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from boxsup.network.grid import Grid, enlarge
from boxsup.network.pretrained import imagenet_weights
from boxsup.random import torch_seed
from boxsup.store.labels import Labels, labels_writer
from boxsup.training.data import EpochData, batches
from boxsup.training.epoch import make_optimizer, pixel_loss, train_epoch


@dataclass(frozen=True)
class Loop:
    """A run of labels and epochs."""

    name: str
    over: tuple[Block, ...] = ()
    every: int = 1
    warmup: int = 2
    fixed: str = ""  # truth | rectangles | first: labels that no update changes
    ema: float = 0.0  # of the network that is asked, after each epoch
    rising: bool = False  # lambda grows to the last epoch, from nothing to twice its value
    falling: bool = False  # k draws until the middle, then the winner
    prior: float = 0.0  # weight of the log frequencies of labels, added to the scores in training: logit adjustment
    balance: float = 0.0  # a label counts by its frequency to minus this, in the mean as much as another: balanced loss


def run_loop(data: Data, configuration: Block, loop: Loop, seed: int, epochs: int) -> pd.DataFrame:
    """A row a generation, the last by the winner (k = 1) after the last epoch, with the scores on val."""
    training = build(TrainingSettings, epoch_settings(configuration["training"]), "training")
    schedule = build(ScheduleSettings, {**configuration["schedule"], "epochs": epochs}, "schedule")
    update = settings(configuration, *loop.over)
    name, classes = configuration["network"]["name"], data.train.classes
    model = fresh_network(configuration, len(classes), seed)
    optimizer = make_optimizer(model, training)
    rows, previous, averaged = [], None, None
    with tempfile.TemporaryDirectory() as folder:
        store, checkpoint = Path(folder, "labels.zarr"), Path(folder, "model.pt")
        save_checkpoint(checkpoint, Checkpoint(name, classes, model, 0, {}))
        for generation in range(1, epochs + 2):
            last = generation > epochs
            due = (generation - 1) % loop.every == 0 and (generation == 1 or not loop.fixed)
            if last or due:
                asked = generation > loop.warmup and not loop.fixed
                chosen = settings_at(update, loop, (generation - 1) / epochs)
                predictor = Predictor(checkpoint, training.threads) if asked else None
                made = make_labels(data, chosen, seed, generation, predictor, loop.fixed)
                previous = write_generation(data, store, made, generation, loop, seed, epochs, rows, previous)
                if generation == 1 and loop.prior:
                    adjust_logits(model, Labels(store), len(classes), loop.prior)
            if last:
                break
            epoch = EpochData(data.train, store, training, seed, generation)
            loader = batches(epoch, training, seed, generation, 0)
            loss = balanced_loss(Labels(store), len(classes), loop.balance)
            with mock.patch("boxsup.training.epoch.pixel_loss", loss):
                train_epoch(
                    model,
                    optimizer,
                    loader,
                    len(loader),
                    training,
                    schedule,
                    seed,
                    generation,
                    on_step=lambda step: None,
                )
            state = {name: value.clone() for name, value in model.state_dict().items()}
            averaged = average(averaged, state, loop.ema)
            asked_model = copy.deepcopy(model)
            asked_model.load_state_dict(averaged)
            save_checkpoint(checkpoint, Checkpoint(name, classes, asked_model, generation, {}))
        save_checkpoint(checkpoint, Checkpoint(name, classes, model, epochs, {}))
        rows[-1]["val_miou"] = 100 * validate(data, Predictor(checkpoint, training.threads))
    print(f"{loop.name}, seed {seed}, {epochs} epochs: val {rows[-1]['val_miou']:.1f}", flush=True)
    return pd.DataFrame(rows)


def settings_at(update: UpdateSettings, loop: Loop, progress: float) -> UpdateSettings:
    """The settings of a generation at `progress` in [0, 1] of the run; the last generation takes the winners."""
    weight = update.lambda_ * (2 * progress if loop.rising else 1)
    k = 1 if progress == 1 or (loop.falling and progress >= 0.5) else update.k
    return update.changed(lambda_=weight, k=k)


def balanced_loss(labels: Labels, classes: int, power: float) -> Callable[[Tensor, Tensor, Grid], Tensor]:
    """Cross-entropy in which a label counts by its frequency to minus `power`; 0 is the package's own loss."""
    if not power:
        return pixel_loss
    weights = torch.from_numpy(frequencies(labels, classes)).float().clamp(min=1e-4) ** -power

    def loss(logits: Tensor, wanted: Tensor, grid: Grid) -> Tensor:
        return functional.cross_entropy(enlarge(logits, wanted.shape[1:], grid), wanted, weights, ignore_index=VOID)

    return loss


def frequencies(labels: Labels, classes: int) -> NDArray[np.float64]:
    """Shares of the labels in a generation."""
    counts = sum(np.bincount(labels[image].ravel(), minlength=256)[:classes] for image in labels)
    return np.asarray(counts / counts.sum())


def adjust_logits(model: torch.nn.Module, labels: Labels, classes: int, weight: float) -> None:
    """Add the labels' log frequencies to what the network says in training, and so to nothing that it says after."""
    prior = weight * torch.log(torch.from_numpy(frequencies(labels, classes)).float().clamp(min=1e-6))
    model.register_forward_hook(lambda own, _, logits: logits + prior[:, None, None] if own.training else logits)


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
    def scores(image: str, class_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        return predictor.log_probabilities(data.images[image])[class_ids].numpy()  # type: ignore[union-attr]

    made = LabelUpdate(data.pools, data.overlaps, scores if predictor else None, update, seed, generation)

    def labels(image: str) -> tuple[NDArray[np.uint8], list[Choice]]:
        own = data.train.boxes_of(image)
        if fixed in ("truth", "rectangles"):
            filled = baseline_labels("rectangles", data.images[image], own).labels
            choices = [Choice.without_candidate(Chosen.RECTANGLE)] * len(own)
            return data.truth[image] if fixed == "truth" else filled, choices
        height, width = data.truth[image].shape
        result = made.labels(image, height, width, own)
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
    with labels_writer(store, data.train.ids, data.train.sizes, {}) as writer:
        for image in data.train.ids:
            labels, choices = made(image)
            for row, choice in zip(data.train.boxes_of(image).index, choices, strict=True):
                tables.record(row, choice)
            writer.append(image, labels=labels)
    unmasked = np.zeros(len(data.train.images), bool)
    quality = measure_generation(generation, data.train, store, unmasked, tables.chosen, previous)
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
    scored = (predictor.log_probabilities(data.images[row.image]) for row in images_with_masks(data.val))
    maps = ((scores.argmax(dim=0).numpy().astype(np.uint8),) for scores in scored)
    (confusion,) = confusions(data.val, maps, "validate")
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
        Loop("k 5, then the winner", ({"k": 5},), falling=True),
        Loop("λ rising", rising=True),
        Loop("λ 1", ({"lambda": 1.0},)),
        Loop("difficult void", ({"difficult": "void"},)),
        Loop("logit adjustment", prior=1.0),
        Loop("class-balanced loss", balance=0.5),
        Loop("rank 0", ({"rank": 0.0},)),
        Loop("warm-up 1", warmup=1),
        Loop("warm-up 4", warmup=4),
        Loop("every 3", every=3),
        Loop("averaged network", ema=0.5),
    ]
    return {loop.name: loop for loop in named}
