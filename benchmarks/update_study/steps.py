"""One step: each variant makes one generation from the scores of a network that labels by overlap alone trained."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from loops import Loop, fresh_network, make_labels, write_generation
from scenes import Asked, ask, scenes
from sources import Block, Data, settings
from variants import Variant, oracle

from boxsup.config.build import build
from boxsup.config.params import epoch_settings
from boxsup.config.training import ScheduleSettings, TrainingSettings
from boxsup.evaluation.confusion import confusion_matrix, mean_iou
from boxsup.image import VOID
from boxsup.labels.painting import paint
from boxsup.training.data import EpochData, batches
from boxsup.training.epoch import make_optimizer, train_epoch

STATES = {"young": 2, "half": 6, "old": 12}  # epochs of the network that is asked


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
            height, width = truth.shape
            foreground = (truth != 0) & (truth != VOID)
            corners = own[["x0", "y0", "x1", "y1"]].to_numpy(np.int64)
            for v, variant in enumerate(chosen):
                update = settings(configuration, *variant.over)
                masks = oracle(scene, update, truth) if variant.name == "oracle" else variant.step(scene, update)
                if variant.name == "rectangles":
                    masks = [None] * len(masks)
                labels = paint(height, width, corners, scene.labels, masks, update.clip)
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
            loader = batches(EpochData(data.train, store, training, 0, epoch), training, 0, epoch, 0)
            train_epoch(model, optimizer, loader, len(loader), training, schedule, 0, epoch, on_step=lambda step: None)
            for state in [name for name, last in STATES.items() if last == epoch]:
                frozen = copy.deepcopy(model).eval()
                networks[state] = lambda kind, frozen=frozen: ask(frozen, data, *kinds[kind])
    return networks
