"""Our results for the paper's experiments, at full size and at small scale."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boxsup.catalogue.tables import read_catalogue
from boxsup.config.params import without_held_out
from boxsup.config.published import published_rows, published_values
from boxsup.config.training import network_name
from boxsup.errors import StoreError
from boxsup.evaluation.measured import basis_from
from boxsup.evaluation.tables import MEAN
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments.paper import SCALES
from boxsup.experiments.splits import Split
from boxsup.experiments.tree import ExperimentFolder
from boxsup.report.experiment.results import SeedResults, mean_and_spread, read_seed
from boxsup.report.paper.belonging import belonging

TEST_SERVER = 4  # the table with scores of the test set, which only the evaluation server can measure
MEASURED = (  # the columns of `measured`
    *("experiment", "seed", "network", "epochs", "images", "crf", "mean_iou", "label_mean_iou"),
    *("boundary_iou", "boundary_f", "label_boundary_iou", "label_boundary_f"),
)
LABELS_TABLE = 2  # the table about masks from boxes; ours also has the quality of these masks


@dataclass(frozen=True)
class PaperRun:
    """An experiment that was run.

    Attributes:
        name: Name of the experiment.
        settings: Its effective settings.
        images: Number of images in its training split.
        seeds: The results of the seeds that were run to the end, at least one.
    """

    name: str
    settings: dict[str, Any]
    images: int
    seeds: list[SeedResults]

    def scores(self, column: str) -> list[float]:
        """The mean of a score over the classes, of each seed in [0, 1]; NaN if it is not measured.

        Args:
            column: `iou`, `boundary_iou`, `boundary_f`, or one of these and `_crf`.
        """
        return [float(seed.evaluation[column][MEAN]) for seed in self.seeds]

    def label_scores(self, column: str = "miou") -> list[float]:
        """A score of the last generation of pseudo-masks of each seed, in [0, 1]; NaN if there is none."""
        return [
            float(seed.quality[column].iloc[-1])
            if column in seed.quality and len(seed.quality) and seed.quality["boxes"].iloc[-1]
            else np.nan
            for seed in self.seeds
        ]

    @property
    def refined(self) -> bool:
        """Whether a dense CRF refines the predictions; without one, no score is called a score with CRF."""
        return ExperimentPlan.alone(self.name, self.settings).refined

    def described(self) -> str:
        """One line about the scores: data, network and epochs of the training, and the images that were evaluated."""
        settings, basis = self.settings, basis_from(self.seeds[0].evaluation)
        network, epochs = network_name(settings["network"]), settings["epochs"]
        trained = f"{self.images:,} images of {settings['dataset']} {settings['train']}, {network}, {epochs} epochs"
        apart = f", not measured: {basis.apart}" if basis.apart else ""
        measured = f"not measured: {basis.why_not}" if basis.why_not else f"over {basis.over}{apart}"
        crf = "" if self.refined else ", no dense CRF"
        return f"{trained}, {settings['val']}{without_held_out(settings)}{crf}: {measured}"


@dataclass(frozen=True)
class Found:
    """The runs on disk.

    Attributes:
        runs: Those of the configured experiments, by name of the published experiment.
        left_out: Those that an earlier configuration made, or that do not say what made them, each with why.
    """

    runs: dict[str, PaperRun] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def read_runs(results: Path, config: Mapping[str, Any], scale: str) -> Found:
    """Read the runs that exist.

    Args:
        results: The folder of all results.
        config: The settings of the page; see `boxsup.experiments.paper.PaperPage.settings`.
        scale: "full" or "small".

    Returns:
        The run of each published experiment. Experiments without a finished seed are left out, and so are seeds whose
        results do not say that they were made with these settings.
    """
    found, read = Found(), _plans(config)
    for key, entry in config[scale].items():
        name = entry["name"]
        seeds = []
        for seed, why_not in _finished(read[name], results):
            if why_not:
                found.left_out.append(f"{name}, seed {seed.seed} ({why_not})")
            else:
                seeds.append(seed)
        if seeds:
            settings = dict(entry["settings"])
            train = read_catalogue(Split(settings["dataset"], settings["train"], results).folder)
            found.runs[key] = PaperRun(name, settings, len(train.images), seeds)
    return found


def measured(runs: Sequence[PaperRun]) -> pd.DataFrame:
    """One row per run, seed and use of the CRF, if there is one, with scores in per cent; a run is listed once."""
    rows = []
    for run in {run.name: run for run in runs}.values():
        for index, seed in enumerate(run.seeds):
            for crf, column in ((False, "iou"), *([(True, "iou_crf")] if run.refined else [])):
                rows.append(
                    {
                        "experiment": run.name,
                        "seed": seed.seed,
                        "network": network_name(run.settings["network"]),
                        "epochs": run.settings["epochs"],
                        "images": run.images,
                        "crf": crf,
                        "mean_iou": 100 * run.scores(column)[index],
                        "label_mean_iou": 100 * run.label_scores()[index],
                        "boundary_iou": 100 * run.scores(f"boundary_{column}")[index],
                        "boundary_f": 100 * run.scores(column.replace("iou", "boundary_f"))[index],
                        "label_boundary_iou": 100 * run.label_scores("boundary_iou")[index],
                        "label_boundary_f": 100 * run.label_scores("boundary_f")[index],
                    }
                )
    return pd.DataFrame(rows, columns=list(MEASURED))


def comparison(number: int, runs: Mapping[str, Mapping[str, PaperRun]]) -> pd.DataFrame:
    """A table of the paper beside our results, in per cent; NaN (an empty cell) if nothing was run or measured.

    Args:
        number: Number of the table, 1 to 5.
        runs: Our runs by scale ("full" and "small") and by name of the published experiment.

    Returns:
        Columns `row` and `published`, and for each scale, here `full`: the mean over the seeds with CRF (`full`), its
        sample standard deviation (`full_spread`), the number of seeds (`full_seeds`), the mean without CRF
        (`full_plain`), the mean boundary IoU with CRF (`full_boundary`), the mean IoU of the pseudo-masks
        (`full_labels`), the name of the run (`full_run`) and its data (`full_data`).
    """
    rows = []
    for entry in (entry for entry in published_rows() if entry.table == number):
        row: dict[str, Any] = {"row": entry.row, "published": entry.published}
        for scale in SCALES:
            run = None if number == TEST_SERVER else runs.get(scale, {}).get(entry.experiment)
            mean, spread = mean_and_spread(run.scores("iou_crf")) if run and run.refined else (np.nan, np.nan)
            row |= {
                scale: 100 * mean,
                f"{scale}_spread": 100 * spread,
                f"{scale}_seeds": len(run.seeds) if run else 0,
                f"{scale}_plain": 100 * mean_and_spread(run.scores("iou"))[0] if run else np.nan,
                f"{scale}_boundary": 100 * mean_and_spread(run.scores("boundary_iou_crf"))[0]
                if run and run.refined
                else np.nan,
                f"{scale}_labels": 100 * mean_and_spread(run.label_scores())[0] if run else np.nan,
                f"{scale}_run": run.name if run else "",
                f"{scale}_data": run.described() if run else "",
            }
        rows.append(row)
    return pd.DataFrame(rows)


def values_table(settings: Mapping[str, Any]) -> pd.DataFrame:
    """The settings of the paper beside those of an experiment: columns `key`, `what`, `paper`, `ours` and `why`."""
    rows = [
        {"key": value.key, "what": value.what, "paper": value.paper, "ours": _shown(_at(settings, value.key))}
        | {"why": value.why}
        for value in published_values()
    ]
    return pd.DataFrame(rows)


def _plans(config: Mapping[str, Any]) -> dict[str, ExperimentPlan]:
    """The experiments of a page and those that they start from, by name."""
    experiments = dict(config["starts"])
    for scale in SCALES:
        experiments |= {entry["name"]: entry["settings"] for entry in config[scale].values()}
    known = {"experiments": experiments, "datasets": config["datasets"], "proposals": config["proposals"]}
    return {name: ExperimentPlan(name, known) for name in experiments}


def _finished(plan: ExperimentPlan, results: Path) -> Iterator[tuple[SeedResults, str]]:
    """The results of the seeds that were run to the end, each with what `belonging` says."""
    evaluated, trained = ExperimentFolder(plan.name, results), ExperimentFolder(plan.trained_by, results)
    for number in plan.seeds:
        with contextlib.suppress(StoreError):  # not run, or not finished
            seed = read_seed(evaluated.run(number), plan, trained.run(number))
            yield seed, belonging(plan, evaluated.run(number), seed)


def _at(settings: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401 - any setting
    value: Any = settings
    for part in key.split("."):
        value = value[part]
    return value


def _shown(value: Any) -> str:  # noqa: ANN401 - any setting
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
