"""Command lines of `boxsup network` and `boxsup epoch` on a `small_split`, with settings for small machines."""

from __future__ import annotations

import json

NETWORK = {"name": "mobilenet_v2", "weights": "none", "sha256": ""}
SCHEDULE = {"epochs": 2, "policy": "poly", "step": 1, "gamma": 0.1, "power": 0.9}
TRAINING = {
    "rate": 0.01,
    "head_rate": 10,
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "batch": 3,
    "crop": 33,
    "scale": [0.75, 1.25],
    "mirror": True,
    "mixed_precision": True,
    "threads": 1,  # two on a busy machine wait for each other
}


def network_arguments(folder, seed=0, **changes):
    settings = json.dumps(NETWORK | changes)
    start = ["network", "--catalogue", str(folder / "catalogue"), "--seed", str(seed), "--settings", settings]
    return [*start, "--out", str(folder / "epochs/000/model.pt")]


def epoch_arguments(folder, epoch, *options, out="epochs", training=None):
    previous = folder / "epochs" / f"{epoch - 1:03d}"
    momentum = ["--optimizer", str(previous / "optimizer.pt")] if epoch > 1 else []
    start = ["epoch", "--catalogue", str(folder / "catalogue"), "--labels", str(folder / "labels.zarr")]
    start += ["--model", str(previous / "model.pt"), *momentum, "--epoch", str(epoch), "--seed", "0"]
    start += ["--training", json.dumps(training or TRAINING), "--schedule", json.dumps(SCHEDULE)]
    return [*start, *options, "--out", str(folder / out / f"{epoch:03d}")]
