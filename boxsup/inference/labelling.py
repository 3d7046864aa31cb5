"""How a run labels images: settings that lie beside its checkpoints, so that any image is labelled as on its page.

They are not part of a checkpoint, since a change of them needs no new training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from boxsup.config.build import build, parse
from boxsup.config.fields import Scale, Settings, Several, defaults_of, optional, setting
from boxsup.config.files import block, merge, project_config, read_keys
from boxsup.config.inference import CrfSettings
from boxsup.config.proposals import MEGAPIXELS
from boxsup.config.training import Training
from boxsup.errors import ConfigError, StoreError
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments.found import generations_in, object_networks_in
from boxsup.experiments.tree import LABELLING

THREADS: int = defaults_of(Training)["threads"]

Scales = Several[Scale]


class Labelling(Settings):
    """How a run labels any image: what of its settings a file with its weights needs beside it."""

    scales: Scales = optional((1.0,), "scales of the image; their probabilities are averaged", min_length=1)
    update_scales: Scales = optional((1.0,), "scales of the network that chooses candidates for boxes", min_length=1)
    background_bias: float = optional(0.0, "nats to add to the background's score")
    crf: CrfSettings | None = optional(None, "the dense CRF that refines the labels; null for none")
    megapixels: PositiveFloat = optional(
        MEGAPIXELS, "an image with more is reduced to this for the network; infinite: none is", allow_inf_nan=True
    )
    threads: PositiveInt = optional(THREADS, "torch's threads on the CPU, on which the last bits of scores depend")

    @property
    def refining(self) -> CrfSettings | None:
        """The dense CRF, if there is one: with no iteration there is none."""
        return self.crf if self.crf and self.crf.refines else None


class ObjectNetworks(Settings):
    """Which object networks a run trains, to tell them from those that an earlier run left."""

    rounds: NonNegativeInt = setting(meaning="rounds of training; 0: no network looks into boxes")
    folds: PositiveInt = setting(meaning="parts of the training images, with a network each")


class RunLabelling(Settings):
    """The content of `results/EXPERIMENT/labelling.json`."""

    experiment: str = setting(meaning="name of the experiment")
    checkpoints_of: str = setting(
        meaning='name of the experiment whose networks it uses; "" for its own', pattern="^[A-Za-z0-9_]*$"
    )
    seeds: Several[NonNegativeInt] = setting(
        meaning="seeds of its runs; its page shows pictures of the first", min_length=1
    )
    epochs: int = setting(meaning="the epoch that its page shows")
    labelling: Labelling = setting(meaning="how it labels images")
    generation: PositiveInt = setting(meaning="its last generation of pseudo-masks")
    every: PositiveInt = setting(meaning="epochs between generations")
    objects: ObjectNetworks = setting(meaning="its object networks")

    def generations_in(self, run: Path) -> list[Path]:
        """The generations in a run's folder that are the run's own, and not left by an earlier one."""
        return generations_in(run, self.generation, self.every)

    def object_networks_in(self, run: Path) -> list[Path]:
        """The object networks in a run's folder that are the run's own, and not left by an earlier one."""
        return object_networks_in(run, self.objects.rounds, self.objects.folds)


def labelling_settings(experiment: Mapping[str, Any], name: str, megapixels: float) -> dict[str, Any]:
    """How an experiment labels images, as JSON values for the command `boxsup labelling`.

    Args:
        experiment: The experiment's block of the configuration.
        name: Name of the experiment.
        megapixels: Of its data set.
    """
    inference, plan = experiment["inference"], ExperimentPlan.alone(name, experiment)
    return {
        "experiment": name,
        "checkpoints_of": experiment["checkpoints_of"] or "",
        "seeds": experiment["seeds"],
        "epochs": experiment["epochs"],
        "labelling": {
            **{key: inference[key] for key in ("scales", "background_bias", "crf")},
            "megapixels": megapixels,
            "update_scales": experiment["update"]["scales"],
            "threads": experiment["training"]["threads"],
        },
        "generation": plan.generations()[-1],
        "every": experiment["update"]["every"],
        "objects": {
            "rounds": experiment["objects"]["rounds"] if plan.looks else 0,
            "folds": experiment["objects"]["folds"],
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
    return parse(RunLabelling, text, where)


def read_labelling(path: Path) -> RunLabelling:
    """Read a labelling.json.

    Raises:
        StoreError: The file cannot be read, or is not a labelling.json.
    """
    try:
        return parse_labelling(path.read_text(encoding="utf-8"), str(path))
    except (ConfigError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path}: not a readable {LABELLING} ({error}); delete it, Snakemake makes it again"
        ) from error


def format_labelling(run: RunLabelling) -> str:
    """The text of a labelling.json; `parse_labelling` reads it."""
    return json.dumps(run.model_dump(), indent=2, ensure_ascii=False) + "\n"


def crf_settings(base: CrfSettings | None = None, overrides: Path | None = None) -> CrfSettings:
    """Settings of the dense CRF.

    Args:
        base: A run's settings; None for those of config.yaml.
        overrides: A configuration file whose keys replace them, if given.

    Raises:
        ConfigError: The file cannot be read, or a setting is wrong.
    """
    keys = ("defaults", "inference", "crf")
    settings = base.model_dump() if base else block(project_config(), *keys)
    changes = read_keys(overrides) if overrides else {}
    merged = merge({"defaults": {"inference": {"crf": settings}}}, changes)
    return build(CrfSettings, block(merged, *keys), ".".join(keys))
