"""The settings in the JSON of `--inference`: how commands of the workflow ask a network.

The workflow passes a command the keys of its class and no others, so a changed setting of the CRF does not make
validations run again. To add a setting, add a field here and use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import PositiveInt

from boxsup.config.build import parse
from boxsup.config.fields import Settings, optional, setting
from boxsup.config.inference import CrfSearchSettings, CrfSettings
from boxsup.inference.labelling import THREADS, Scales


class ScoringSettings(Settings):
    """How an image is scored; see `config.yaml`, `defaults.inference`."""

    threads: PositiveInt = optional(THREADS, "`training.threads`, on which the last bits of scores depend")
    scales: Scales = optional((1.0,), "scales of the image, whose probabilities are averaged", min_length=1)
    background_bias: float = optional(0.0, "nats to add to the background's score")


class PredictionSettings(ScoringSettings):
    """How an image is labelled: scored, then refined by the dense CRF."""

    crf: CrfSettings = setting(meaning="the dense CRF")


class CrfSearchInference(PredictionSettings):
    """How the CRF's weights are searched: the points of the search replace the weights in `crf`."""

    crf_search: CrfSearchSettings = setting(meaning="the values to try")


READ_BY: dict[str, type[ScoringSettings]] = {
    "validate": ScoringSettings,
    "predictions": PredictionSettings,
    "crf_search": CrfSearchInference,
}  # stage -> class of its command's `--inference`

T = TypeVar("T", bound=ScoringSettings)


def inference_settings(cls: type[ScoringSettings], experiment: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an experiment that a command reads, as values of JSON.

    Args:
        cls: The class of the command's `--inference`.
        experiment: The settings of the experiment.
    """
    inference = {**experiment["inference"], "threads": experiment["training"]["threads"]}
    settings = {name: inference[name] for name in cls.model_fields}
    if "crf_search" in settings:
        # So that a new weight makes no search run again, the first value to try stands in for a searched weight.
        tried = {key: values[0] for key, values in settings["crf_search"].items() if key in settings["crf"]}
        settings["crf"] = {**settings["crf"], **tried}
    return settings


def parse_inference(cls: type[T], text: str) -> T:
    """Parse the JSON of `--inference`.

    Raises:
        ConfigError: The text is not JSON of the fields of `cls`, or a value is out of range.
    """
    return parse(cls, text, "inference")
