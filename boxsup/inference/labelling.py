"""How a run labels images: its settings, kept beside its checkpoints, so that any image is labelled as on its page.

They are no part of a checkpoint: changing them trains nothing again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, NonNegativeInt, PositiveInt

from boxsup.config.build import build, parse
from boxsup.config.fields import Settings, Several, optional, setting
from boxsup.config.files import block, merge, project_config, read_keys
from boxsup.config.inference import CrfSettings
from boxsup.errors import ConfigError, StoreError
from boxsup.experiments.tree import LABELLING

THREADS = 4  # as `training.threads` in config.yaml
MAX_SCALE = 4.0


Scales = Several[Annotated[float, Field(gt=0, le=MAX_SCALE)]]


class Labelling(Settings):
    """How a network's scores become labels. The defaults are those of a checkpoint of which nothing is known."""

    scales: Scales = optional((1.0,), "of the image, whose probabilities are averaged", min_length=1)
    update_scales: Scales = optional((1.0,), "the same, where boxes ask the network", min_length=1)
    background_bias: float = optional(0.0, "nats that are added to the background's score", allow_inf_nan=False)
    crf: CrfSettings | None = optional(None, "the dense CRF that refines the labels; null for none")
    threads: PositiveInt = optional(THREADS, "of torch on the CPU, on which the last bits of scores depend")


class RunLabelling(Settings):
    """What `results/EXPERIMENT/labelling.json` says."""

    experiment: str = setting(meaning="its name")
    checkpoints_of: str = setting(
        meaning='the experiment whose networks it has; "" for its own', pattern="^[A-Za-z0-9_]*$"
    )
    seeds: Several[NonNegativeInt] = setting(
        meaning="of its runs; the first one's pictures are on its page", min_length=1
    )
    epochs: int = setting(meaning="the epoch that its page shows")
    labelling: Labelling = setting(meaning="how")


def labelling_settings(experiment: Mapping[str, Any], name: str) -> dict[str, Any]:
    """How an experiment labels images, what `boxsup labelling` writes down."""
    inference = experiment["inference"]
    return {
        "experiment": name,
        "checkpoints_of": experiment["checkpoints_of"] or "",
        "seeds": experiment["seeds"],
        "epochs": experiment["epochs"],
        "labelling": {
            **{key: inference[key] for key in ("scales", "background_bias", "crf")},
            "update_scales": experiment["update"]["scales"],
            "threads": experiment["training"]["threads"],
        },
    }


def parse_labelling(text: str, where: str) -> RunLabelling:
    """Settings from JSON.

    Raises:
        ConfigError: It is no JSON of these keys, or a value is out of range; the message begins with `where`.
    """
    return parse(RunLabelling, text, where)


def read_labelling(path: Path) -> RunLabelling:
    """Read a labelling.json.

    Raises:
        StoreError: It cannot be read, or is none.
    """
    try:
        return parse_labelling(path.read_text(encoding="utf-8"), str(path))
    except (ConfigError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path}: not a readable {LABELLING} ({error}); delete it, Snakemake makes it again"
        ) from error


def labelling_text(run: RunLabelling) -> str:
    """What is written of a run."""
    return json.dumps(run.model_dump(), indent=2, ensure_ascii=False) + "\n"


def crf_settings(own: CrfSettings | None = None, over: Path | None = None) -> CrfSettings:
    """The dense CRF's settings: a run's `own` or, without any, config.yaml's; a file's keys are laid over them."""
    where = ("defaults", "inference", "crf")
    settings = own.model_dump() if own else block(project_config(), *where)
    given = read_keys(over) if over else {}
    laid = merge({"defaults": {"inference": {"crf": settings}}}, given)
    return build(CrfSettings, block(laid, *where), ".".join(where))
