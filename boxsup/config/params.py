"""What rules pass to stages: those of an experiment's settings that a stage's results depend on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from boxsup.config.fields import told
from boxsup.config.training import TrainingSettings
from boxsup.config.update import UpdateSettings

Block = dict[str, Any]


def canonical(settings: Any) -> str:  # noqa: ANN401 - any JSON value
    """JSON that is the same for the same settings, whatever the order of their keys: what a rule's `params` hold."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"))


def generation_settings(update: Mapping[str, Any]) -> Block:
    """The settings of an update that its choices read; the others say which generations there are, and how to ask."""
    return told(UpdateSettings, update)


def epoch_settings(training: Mapping[str, Any]) -> Block:
    """The settings of the training that results depend on; `gpus` where they are several."""
    return told(TrainingSettings, training)


def without_held_out(experiment: Mapping[str, Any]) -> str:
    """What the split is less in an experiment's scores, after its name: the images held out to search settings on."""
    count = experiment["validation"]["held_out"]
    return f" without {count:,} held out" if count else ""
