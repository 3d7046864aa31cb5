"""How commands of the workflow ask a network: what the JSON of their `--inference` says.

A command reads the keys that its class has and no others, and the workflow passes just those: a setting of the CRF
validates nothing again. A new setting is a field here and its use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from boxsup.errors import ConfigError
from boxsup.inference.labelling import MAX_SCALE, THREADS
from boxsup.settings import CrfSearchSettings, CrfSettings, parse


@dataclass(frozen=True, kw_only=True)
class ScoringSettings:
    """How an image is scored; see `config.yaml`, `defaults.inference`.

    Attributes:
        threads: Of torch on the CPU (`training.threads`), on which the last bits of scores depend.
        scales: Of the image, whose probabilities are averaged.
        background_bias: Nats that are added to the background's score.
    """

    threads: int = THREADS
    scales: tuple[float, ...] = (1.0,)
    background_bias: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PredictionSettings(ScoringSettings):
    """How an image is labelled: scored, then refined by the dense CRF."""

    crf: CrfSettings


@dataclass(frozen=True, kw_only=True)
class CrfSearchInference(PredictionSettings):
    """How the CRF's weights are searched: those in `crf` count for nothing, the points of the search have their own."""

    crf_search: CrfSearchSettings


READ_BY: dict[str, type[ScoringSettings]] = {
    "validate": ScoringSettings,
    "predictions": PredictionSettings,
    "crf_search": CrfSearchInference,
}  # rule -> what its command reads

T = TypeVar("T", bound=ScoringSettings)


def inference_settings(cls: type[ScoringSettings], experiment: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an experiment that a command reads, by the class of its `--inference`."""
    inference = {**experiment["inference"], "threads": experiment["training"]["threads"]}
    own = {field.name: inference[field.name] for field in fields(cls)}
    if (
        "crf_search" in own
    ):  # weights that are searched make no search run again: the first of those tried stand for them
        tried = {key: values[0] for key, values in own["crf_search"].items() if key in own["crf"]}
        own["crf"] = {**own["crf"], **tried}
    return own


def parse_inference(cls: type[T], text: str) -> T:
    """Settings from the JSON of `--inference`.

    Raises:
        ConfigError: It is no JSON of the fields of `cls`, or a value is out of range.
    """
    settings = parse(cls, text, "inference")
    right = {
        "threads": settings.threads >= 1,
        "scales": settings.scales and all(0 < scale <= MAX_SCALE for scale in settings.scales),
        "background_bias": math.isfinite(settings.background_bias),
    }
    wrong = next((key for key, holds in right.items() if not holds), None)
    if wrong:
        raise ConfigError(f"inference.{wrong}: out of range")
    return settings
