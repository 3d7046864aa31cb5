"""Every stage of a run as a command in one folder, with the arguments that the workflow would pass."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from boxsup.config.params import epoch_settings, generation_settings, lesson_settings, object_settings

TABLES = ["--catalogue", "train"]
Block = Mapping[str, Any]


def catalogue_of(root: str, split: Block, classes: Sequence[str]) -> list[str]:
    """The arguments of the catalogue of a split in VOC layout."""
    read = ["--format", "voc", "--root", root, "--split", as_json(split), "--classes", as_json(classes)]
    return ["catalogue", *read, "--on-problem", "stop", "--out", "train"]


def stages_of(proposals: Block, network: Block, training: Block, defaults: Block) -> list[tuple[str, list[str]]]:
    """The stages after the catalogue, in order: their names and arguments. One epoch, predictions of the same split."""
    pools = ["--proposals", "pools.zarr", "--overlaps", "overlaps.zarr"]
    threads = ["--threads", str(training["threads"])]
    update = as_json(generation_settings(defaults["update"]))
    inference = {"threads": training["threads"], "crf": defaults["inference"]["crf"]}
    lessons = [*TABLES, "--seed", "0", "--update", as_json(lesson_settings(defaults["update"], 1)), *pools]
    labels = [*TABLES, "--seed", "0", "--settings", update, *pools, *threads]
    return [
        ("proposals", ["proposals", "make", *TABLES, "--settings", as_json(proposals), "--out", "pools.zarr"]),
        ("overlaps", ["overlaps", *TABLES, "--proposals", "pools.zarr", "--out", "overlaps.zarr"]),
        ("fixed-masks", ["fixed-masks", *TABLES, "--kind", "truth", "--out", "truth.zarr"]),
        (
            "objects",
            ["objects", *lessons, "--settings", as_json(object_settings(defaults["objects"])), "--part", "0/2"]
            + ["--maps", "maps.zarr", "--out", "objects.pt"],
        ),
        ("labels by overlap", ["labels", *labels, "--generation", "1", "--out", "1.zarr"]),
        ("label-quality", ["label-quality", *TABLES, "--labels", "1.zarr", "--out", "1.csv"]),
        ("network", ["network", *TABLES, "--seed", "0", "--settings", as_json(network), "--out", "0/model.pt"]),
        (
            "epoch",
            ["epoch", *TABLES, "--labels", "1.zarr", "--model", "0/model.pt", "--epoch", "1", "--seed", "0"]
            + ["--training", as_json(epoch_settings(training)), "--schedule", as_json(defaults["schedule"])]
            + ["--out", "1"],
        ),
        (
            "labels by the network",
            ["labels", *labels, "--generation", "2", "--model", "1/model.pt", "--out", "2.zarr"],
        ),
        (
            "predictions",
            ["predictions", *TABLES, "--model", "1/model.pt", "--inference", as_json(inference)]
            + ["--out", "predictions.zarr"],
        ),
        ("evaluation", ["evaluation", *TABLES, "--predictions", "predictions.zarr", "--out", "evaluation.csv"]),
    ]


def as_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """What a command takes settings as."""
    return json.dumps(value)
