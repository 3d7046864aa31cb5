"""How a run labels images: settings that lie beside its checkpoints, so that any image is labelled as on its page.

They are not part of a checkpoint, since a change of them needs no new training.
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
THREADS = 4  # the default of `training.threads` in config.yaml
MAX_SCALE = 4.0
PLAIN = re.compile(r"\w*", re.ASCII)  # names of experiments, which become folders


@dataclass(frozen=True)
class Labelling:
    """How a network's scores become labels. The defaults are for a checkpoint whose run is not known.

    Attributes:
        scales: Scales of the image; the probabilities at all of them are averaged.
        update_scales: The scales of the network that chooses candidates for boxes.
        background_bias: Nats to add to the background's score.
        crf: Settings of the dense CRF that refines the labels; None for no CRF.
        threads: Threads of torch on the CPU, on which the last bits of scores depend.
    """

    scales: tuple[float, ...] = (1.0,)
    update_scales: tuple[float, ...] = (1.0,)
    background_bias: float = 0.0
    crf: CrfSettings | None = None
    threads: int = THREADS


@dataclass(frozen=True)
class RunLabelling:
    """The content of `results/EXPERIMENT/labelling.json`.

    Attributes:
        experiment: Name of the experiment.
        checkpoints_of: Name of the experiment whose networks it uses; "" for its own.
        seeds: Seeds of its runs; its page shows pictures of the first.
        epochs: The epoch that its page shows.
        labelling: How it labels images.
    """

    experiment: str
    checkpoints_of: str
    seeds: tuple[int, ...]
    epochs: int
    labelling: Labelling


def labelling_settings(experiment: Mapping[str, Any], name: str) -> dict[str, Any]:
    """How an experiment labels images, as JSON values for the command `boxsup labelling`.

    Args:
        experiment: The experiment's block of the configuration.
        name: Name of the experiment.
    """
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
    """Parse the content of a labelling.json.

    Args:
        text: JSON.
        where: What to call it in an error.

    Raises:
        ConfigError: The text is not JSON of these keys, or a value is out of range.
    """
    run = parse(RunLabelling, text, where)
    labelling = run.labelling
    scales = [*labelling.scales, *labelling.update_scales]
    checks = {
        "checkpoints_of": PLAIN.fullmatch(run.checkpoints_of),
        "seeds": run.seeds and min(run.seeds) >= 0,
        "labelling.scales": labelling.scales and labelling.update_scales and all(0 < s <= MAX_SCALE for s in scales),
        "labelling.background_bias": math.isfinite(labelling.background_bias),
        "labelling.threads": labelling.threads >= 1,
    }
    wrong = next((key for key, holds in checks.items() if not holds), None)
    if wrong:
        raise ConfigError(f"{where}.{wrong}: out of range")
    return run


def read_labelling(path: Path) -> RunLabelling:
    """Read a labelling.json.

    Raises:
        StoreError: The file cannot be read, or is not a labelling.json.
    """
    try:
        return parse_labelling(path.read_text(encoding="utf-8"), str(path))
    except (ConfigError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: not a readable {NAME} ({error}); delete it, Snakemake makes it again") from error


def format_labelling(run: RunLabelling) -> str:
    """The text of a labelling.json; `parse_labelling` reads it."""
    return json.dumps(asdict(run), indent=2, ensure_ascii=False) + "\n"


def crf_settings(base: CrfSettings | None = None, overrides: Path | None = None) -> CrfSettings:
    """Settings of the dense CRF.

    Args:
        base: A run's settings; None for those of config.yaml.
        overrides: A configuration file whose keys replace them, if given.

    Raises:
        ConfigError: The file cannot be read, or a setting is wrong.
    """
    keys = ("defaults", "inference", "crf")
    settings = asdict(base) if base else block(project_config(), *keys)
    changes = read_keys(overrides) if overrides else {}
    merged = merge({"defaults": {"inference": {"crf": settings}}}, changes)
    return build(CrfSettings, block(merged, *keys), ".".join(keys))
