"""How a run labels images: its settings, kept beside its checkpoints, so that any image is labelled as on its page.

They are no part of a checkpoint: changing them trains nothing again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from boxsup.config import block, merge, project_config, read_keys
from boxsup.errors import ConfigError, StoreError
from boxsup.settings import CrfSettings, build, parse

NAME = "labelling.json"
THREADS = 4  # as `training.threads` in config.yaml
MAX_SCALE = 4.0
PLAIN = re.compile(r"\w*", re.ASCII)  # names of experiments, which become folders


@dataclass(frozen=True)
class Labelling:
    """How a network's scores become labels. The defaults are those of a checkpoint of which nothing is known.

    Attributes:
        scales: Of the image, whose probabilities are averaged.
        update_scales: The same, where boxes ask the network.
        background_bias: Nats that are added to the background's score.
        crf: The dense CRF that refines the labels; None for none.
        threads: Of torch on the CPU, on which the last bits of scores depend.
    """

    scales: tuple[float, ...] = (1.0,)
    update_scales: tuple[float, ...] = (1.0,)
    background_bias: float = 0.0
    crf: CrfSettings | None = None
    threads: int = THREADS


@dataclass(frozen=True)
class RunLabelling:
    """What `results/EXPERIMENT/labelling.json` says.

    Attributes:
        experiment: Its name.
        checkpoints_of: The experiment whose networks it has; "" for its own.
        seeds: Of its runs; the pictures of its page are the first one's.
        epochs: The epoch that its page shows.
        labelling: How.
    """

    experiment: str
    checkpoints_of: str
    seeds: tuple[int, ...]
    epochs: int
    labelling: Labelling


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
    run = parse(RunLabelling, text, where)
    own = run.labelling
    scales = [*own.scales, *own.update_scales]
    right = {
        "checkpoints_of": PLAIN.fullmatch(run.checkpoints_of),
        "seeds": run.seeds and min(run.seeds) >= 0,
        "labelling.scales": own.scales and own.update_scales and all(0 < scale <= MAX_SCALE for scale in scales),
        "labelling.background_bias": math.isfinite(own.background_bias),
        "labelling.threads": own.threads >= 1,
    }
    wrong = next((key for key, holds in right.items() if not holds), None)
    if wrong:
        raise ConfigError(f"{where}.{wrong}: out of range")
    return run


def read_labelling(path: Path) -> RunLabelling:
    """Read a labelling.json.

    Raises:
        StoreError: It cannot be read, or is none.
    """
    try:
        return parse_labelling(path.read_text(encoding="utf-8"), str(path))
    except (ConfigError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: not a readable {NAME} ({error}); delete it, Snakemake makes it again") from error


def format_labelling(run: RunLabelling) -> str:
    """What is written of a run."""
    return json.dumps(asdict(run), indent=2, ensure_ascii=False) + "\n"


def crf_settings(own: CrfSettings | None = None, over: Path | None = None) -> CrfSettings:
    """The dense CRF's settings: a run's `own` or, without any, config.yaml's; a file's keys are laid over them."""
    where = ("defaults", "inference", "crf")
    settings = asdict(own) if own else block(project_config(), *where)
    given = read_keys(over) if over else {}
    laid = merge({"defaults": {"inference": {"crf": settings}}}, given)
    return build(CrfSettings, block(laid, *where), ".".join(where))
