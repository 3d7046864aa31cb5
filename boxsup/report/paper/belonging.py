"""Whether results on disk are those of a configured experiment, and not of an earlier configuration of its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boxsup.catalogue.tables import read_catalogue
from boxsup.errors import StoreError
from boxsup.evaluation.measured import basis_from
from boxsup.evaluation.truth import images_with_masks
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments.scored import differences, scored_settings
from boxsup.experiments.splits import Split
from boxsup.experiments.tree import Run
from boxsup.near import first_few
from boxsup.report.experiment.results import SeedResults

UNRECORDED = "no record of its settings"


def belonging(plan: ExperimentPlan, run: Run, seed: SeedResults) -> str:
    """Compare what the results of a run were made with to the configuration.

    Args:
        plan: The experiment.
        run: Its run.
        seed: The results of this run.

    Returns:
        Why the results are not those of the experiment, such as "other update.k", or UNRECORDED; "" if they are.

    Raises:
        StoreError: Something is missing or cannot be read.
    """
    recorded = _recorded(run.scored(plan.epochs))
    if recorded is None:
        return UNRECORDED
    differing = differences(recorded, scored_settings(plan))
    if not differing:
        if not seed.predictions.is_dir() or plan.generations()[-1] not in seed.generations:
            raise StoreError(f"{run.folder}: its predictions or its last generation are missing")
        count, scored = basis_from(seed.evaluation).images, _scored_images(plan, run.results)
        differing = [] if count == scored else [f"evaluated images ({count:,} of {scored:,})"]
    return f"other {first_few(differing)}" if differing else ""


def _recorded(path: Path) -> Mapping[str, Any] | None:
    """The settings that an evaluation was made with; None without a record of them."""
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
