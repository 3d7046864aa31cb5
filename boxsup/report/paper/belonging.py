"""Whether results on disk are those of a configured experiment, and not of an earlier configuration of its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.tables import read_catalogue
from boxsup.config.build import build
from boxsup.config.fields import late_defaults
from boxsup.config.inference import CrfSettings
from boxsup.config.params import generation_settings
from boxsup.config.training import network_name
from boxsup.config.update import UpdateSettings
from boxsup.errors import ConfigError, StoreError
from boxsup.evaluation.measured import basis_from
from boxsup.evaluation.truth import images_with_masks
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments.scored import differences, scored_settings
from boxsup.experiments.splits import Split
from boxsup.experiments.tree import Run
from boxsup.near import first_few
from boxsup.report.experiment.results import SeedResults
from boxsup.store.labels import Labels


@dataclass(frozen=True)
class Belonging:
    """Whether results are those of an experiment.

    Attributes:
        other: What the results were made with that the configuration says otherwise; empty if they belong to it.
        recorded: Whether the results say all settings that matter; those of an older version say only some.
    """

    other: str
    recorded: bool


def belonging(plan: ExperimentPlan, run: Run, seed: SeedResults) -> Belonging:
    """Compare what the results of a run were made with to the configuration.

    Args:
        plan: The experiment.
        run: Its run.
        seed: The results of this run.

    Raises:
        StoreError: Something is missing or cannot be read.
    """
    recorded = _recorded(run.scored(plan.epochs))
    differing = [] if recorded is None else differences(recorded, scored_settings(plan))
    if not differing:
        if not seed.predictions.is_dir() or plan.generations()[-1] not in seed.generations:
            raise StoreError(f"{run.folder}: its predictions or its last generation are missing")
        differing = _differing(plan, run, seed) if recorded is None else []
    if not differing:
        count, scored = basis_from(seed.evaluation).images, _scored_images(plan, run.results)
        differing = [] if count == scored else [f"evaluated images ({count:,} of {scored:,})"]
    return Belonging(first_few(differing), recorded is not None)


def _recorded(path: Path) -> Mapping[str, Any] | None:
    """The settings that an evaluation was made with; None if an older version made it, which did not record them."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: not readable ({error}); delete it, Snakemake makes it again") from error
    if not isinstance(settings, dict):
        raise StoreError(f"{path}: not the settings of a run; delete it, Snakemake makes it again")
    return settings


def _scored_images(plan: ExperimentPlan, results: Path) -> int:
    """The number of images over which scores of the experiment are taken."""
    val = read_catalogue(Split(plan.val.dataset, plan.val.split, results).folder)
    return len(images_with_masks(val)) - int(plan.setting("validation", "held_out"))


def _differing(plan: ExperimentPlan, run: Run, seed: SeedResults) -> list[str]:
    """The settings that differ, as far as the stores of predictions and of the last generation say them."""
    last = plan.generations()[-1]
    found = _of_predictions(Labels(seed.predictions).attributes)
    wanted = _of_predictions({"network": network_name(plan.settings["network"]), **plan.settings["inference"]})
    generation = Labels(seed.generations[last])
    keeping = _keeping(plan, run.results)
    choosing = plan.chooses and not keeping.all()
    update, made = plan.settings["update"], generation.attributes
    chose = made.get("settings")
    found |= {
        "supervision.masks": int(generation.table("true_mask").sum()),
        "supervision.boxes": chose is not None,
        "update": chose and {**late_defaults(UpdateSettings), **chose},
        "update.scales": made.get("scales"),
        "proposals": made.get("proposals", []),
        "objects": made.get("objects", []),
        "supervision.reviewed": "reviewed" in made,
    }
    wanted |= {
        "supervision.masks": int(keeping.sum()),
        "supervision.boxes": choosing,
        "update": build(UpdateSettings, generation_settings(update), "update").model_dump() if choosing else None,
        "update.scales": plan.asked_scales(last) or None,
        "proposals": list(dict.fromkeys(str(path.parent) for path in plan.pools())),
        "objects": list(map(str, plan.object_maps(seed.seed))),
        "supervision.reviewed": plan.reviewed() is not None,
    }
    return differences(found, wanted)


def _of_predictions(values: Mapping[str, Any]) -> dict[str, Any]:
    """The network, and how it was asked."""
    try:
        crf = build(CrfSettings, values["crf"], "inference.crf").model_dump()
    except (ConfigError, KeyError):  # of an older form
        crf = None
    asked = {f"inference.{key}": values.get(key) for key in ("scales", "background_bias")}
    return {"network": values.get("network"), **asked, "inference.crf": crf}


def _keeping(plan: ExperimentPlan, results: Path) -> NDArray[np.bool_]:
    """Which training images keep their true mask."""
    images, *masked = (
        read_catalogue(Split(split.dataset, split.split, results).folder).ids
        for split in (plan.train, plan.masked)
        if split
    )
    return np.isin(images, list(masked[0]) if masked else [])
