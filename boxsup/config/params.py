"""The settings that rules pass to stages: those of an experiment that the results of a stage depend on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from boxsup.config.fields import stage_settings
from boxsup.config.objects import ObjectNetSettings
from boxsup.config.training import NetworkSettings, TrainingSettings
from boxsup.config.update import ExpectationSettings, UpdateSettings

Block = dict[str, Any]


def canonical(settings: Any) -> str:  # noqa: ANN401 - any JSON value
    """Settings as JSON for the `params` of a rule; the order of keys does not matter.

    >>> canonical({"k": 1, "clip": True})
    '{"clip":true,"k":1}'
    """
    return json.dumps(settings, sort_keys=True, separators=(",", ":"))


def generation_settings(update: Mapping[str, Any]) -> Block:
    """The settings of an update that decide what boxes choose; the others say when they choose, and how they ask."""
    return stage_settings(UpdateSettings, update)


def object_settings(objects: Mapping[str, Any]) -> Block:
    """The settings of an object network; the others say how many there are."""
    return stage_settings(ObjectNetSettings, objects)


def lesson_settings(update: Mapping[str, Any], turn: int) -> Block:
    """The settings of an update that decide what the object networks of a round learn; `mu` matters from the second."""
    settings = stage_settings(ExpectationSettings, update)
    return settings if turn > 1 else settings | {"mu": 0.0}


def network_settings(network: Mapping[str, Any]) -> Block:
    """The settings that a network's first checkpoint depends on."""
    return stage_settings(NetworkSettings, network)


def epoch_settings(training: Mapping[str, Any]) -> Block:
    """The settings of the training that results depend on; `gpus` only if there are several."""
    return stage_settings(TrainingSettings, training)


def without_held_out(experiment: Mapping[str, Any]) -> str:
    """The text after a split's name that says how many images its scores leave out, since they are held out.

    >>> without_held_out({"validation": {"held_out": 100}})
    ' without 100 held out'
    """
    count = experiment["validation"]["held_out"]
    return f" without {count:,} held out" if count else ""
