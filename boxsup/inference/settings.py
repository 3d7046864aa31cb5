"""How commands of the workflow ask a network: what the JSON of their `--inference` says.

A command reads the keys that its class has and no others, and the workflow passes just those: a setting of the CRF
validates nothing again. A new setting is a field here and its use.
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
    scales: Scales = optional((1.0,), "of the image, whose probabilities are averaged", min_length=1)
    background_bias: float = optional(0.0, "nats that are added to the background's score", allow_inf_nan=False)


class PredictionSettings(ScoringSettings):
    """How an image is labelled: scored, then refined by the dense CRF."""

    crf: CrfSettings = setting(meaning="the dense CRF")


class CrfSearchInference(PredictionSettings):
    """How the CRF's weights are searched: those in `crf` count for nothing, the points of the search have their own."""

    crf_search: CrfSearchSettings = setting(meaning="the values to try")


READ_BY: dict[str, type[ScoringSettings]] = {
    "validate": ScoringSettings,
    "predictions": PredictionSettings,
    "crf_search": CrfSearchInference,
}  # stage -> what its command reads

T = TypeVar("T", bound=ScoringSettings)


def inference_settings(cls: type[ScoringSettings], experiment: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an experiment that a command reads, by the class of its `--inference`."""
    inference = {**experiment["inference"], "threads": experiment["training"]["threads"]}
    own = {name: inference[name] for name in cls.model_fields}
    if "crf_search" in own:
        # A weight that is searched makes no search run again: the first of the values to try stands for it.
        tried = {key: values[0] for key, values in own["crf_search"].items() if key in own["crf"]}
        own["crf"] = {**own["crf"], **tried}
    return own


def parse_inference(cls: type[T], text: str) -> T:
    """Settings from the JSON of `--inference`.

    Raises:
        ConfigError: It is no JSON of the fields of `cls`, or a value is out of range.
    """
    return parse(cls, text, "inference")
