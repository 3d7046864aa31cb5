"""The settings that the scores of an experiment's runs depend on, as the evaluation of a run records them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from boxsup.config.datasets import FORMATS, split_model
from boxsup.config.fields import stage_settings, variants
from boxsup.config.inference import CrfSettings
from boxsup.config.objects import ObjectSettings
from boxsup.config.params import epoch_settings, network_settings
from boxsup.config.proposals import AnyProposals
from boxsup.config.update import Update
from boxsup.experiments.datasets import UNION
from boxsup.experiments.experiment import ExperimentPlan

Block = dict[str, Any]
# Settings that say where files are and how jobs share the work, and threads, on which the last bits of results depend.
ELSEWHERE = ("root", "download", "shards", "proposals_of")
THREADS = "threads"


def scored_settings(experiment: ExperimentPlan) -> Block:
    """The settings of an experiment that change its scores, as values of JSON.

    Settings without an effect are left out, such as those of the update where no box chooses, and so are late settings
    at their defaults. The number of epochs is in the path of a run's evaluation.

    Args:
        experiment: The experiment. Its configuration needs `datasets`, `proposals` and, with `init_from`, the
            experiments that it starts from.
    """
    settings = experiment.settings
    inference = {key: settings["inference"][key] for key in ("scales", "background_bias")}
    held_out = {key: settings["validation"][key] for key in ("held_out", "held_out_seed")}
    tested: Block = {
        "val": settings["val"],
        "inference": {**inference, "crf": stage_settings(CrfSettings, settings["inference"]["crf"])},
        "validation": held_out if held_out["held_out"] else {"held_out": 0},
        "datasets": _datasets(experiment, [settings["train"], settings["val"], *_masked(experiment)]),
    }
    return json.loads(json.dumps(_trained_settings(experiment) | tested))  # type: ignore[no-any-return]


def differences(recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The settings that differ, their keys joined by dots, in the order of `wanted`.

    >>> differences({"training": {"rate": 0.5, "batch": 2}}, {"training": {"rate": 0.1, "batch": 2}, "val": "val"})
    ['training.rate', 'val']
    """
    return list(_differences(recorded, wanted))


def _differences(recorded: Mapping[str, Any], wanted: Mapping[str, Any], where: str = "") -> Iterator[str]:
    for key in dict.fromkeys([*wanted, *recorded]):
        own, other = recorded.get(key), wanted.get(key)
        if isinstance(own, Mapping) and isinstance(other, Mapping):
            yield from _differences(own, other, f"{where}{key}.")
        elif own != other:
            yield f"{where}{key}"


def _trained_settings(experiment: ExperimentPlan) -> Block:
    """The settings on which an experiment's networks depend."""
    settings = experiment.settings
    masks, start = settings["supervision"]["masks"], settings["init_from"]
    own: Block = {
        "dataset": settings["dataset"],
        "train": settings["train"],
        "supervision": {"masks": masks, **({} if masks == "all" else {"boxes": experiment.fixed_kind or "boxsup"})},
        "network": network_settings(settings["network"]),
        "schedule": settings["schedule"],
        "training": _without(epoch_settings(settings["training"]), THREADS),
        "init_from": None,
    }
    if experiment.chooses:
        proposals = experiment.config["proposals"][settings["proposals"]]
        own["update"] = stage_settings(Update, settings["update"])
        own["proposals"] = stage_settings(variants(AnyProposals, "method")[proposals["method"]], proposals)
        own["supervision"] |= {"reviewed": settings["supervision"]["reviewed"]}
    if experiment.looks:
        own["objects"] = _without(stage_settings(ObjectSettings, settings["objects"]), THREADS)
    if start is not None:
        source = ExperimentPlan(start["experiment"], experiment.config)
        datasets = {"datasets": _datasets(source, [source.settings["train"], *_masked(source)])}
        own["init_from"] = {**start, "settings": _trained_settings(source) | datasets}
    return own


def _masked(experiment: ExperimentPlan) -> list[str]:
    return [experiment.masked.split] if experiment.masked else []


def _datasets(experiment: ExperimentPlan, splits: list[str]) -> Block:
    """What the images and annotations of some splits of an experiment's data set are made from, by name of data set."""
    name = experiment.settings["dataset"]
    dataset = experiment.config["datasets"][name]
    if dataset["format"] != UNION:
        return {name: _dataset(dataset, splits)}
    used = {split: dataset["splits"][split] for split in dict.fromkeys(splits)}
    known: Block = {name: {"format": UNION, "splits": used}}
    parts: dict[str, list[str]] = {}
    for owner, _, part in (text.partition("/") for texts in used.values() for text in texts):
        parts.setdefault(owner, []).append(part)
    return known | {owner: _dataset(experiment.config["datasets"][owner], own) for owner, own in parts.items()}


def _dataset(dataset: Mapping[str, Any], splits: list[str]) -> Block:
    form = dataset["format"]
    used = {name: stage_settings(split_model(form), dataset["splits"][name]) for name in dict.fromkeys(splits)}
    return _without(stage_settings(FORMATS[form], dataset), *ELSEWHERE) | {"splits": used}


def _without(settings: Mapping[str, Any], *keys: str) -> Block:
    return {key: value for key, value in settings.items() if key not in keys}
