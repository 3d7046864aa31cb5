"""What the page of an experiment shows: its inputs, its settings, and what it compares with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from boxsup.config.params import without_held_out
from boxsup.experiments.experiment import ExperimentPlan, is_point
from boxsup.experiments.splits import Split
from boxsup.experiments.tree import benchmarks_of, search_table
from boxsup.stages import STAGES, Timed


def page_inputs(experiment: ExperimentPlan) -> list[Path]:
    """The results of all seeds without which the page cannot be made."""
    paths = [experiment.folder.labelling]
    for seed in experiment.seeds:
        paths += _run_inputs(experiment, seed)
    return [*paths, *experiment.train.tables(), *experiment.val.tables()]


def _run_inputs(experiment: ExperimentPlan, seed: int) -> Iterator[Path]:
    run, trained, last = experiment.run(seed), experiment.trained(seed), experiment.epochs
    every, epochs = experiment.setting("validation", "every"), range(1, last + 1)
    yield from (trained.epoch(epoch).progress for epoch in epochs)
    yield from (run.epoch(epoch).validation for epoch in epochs if every and epoch % every == 0)
    yield from map(trained.labels, experiment.generations())
    yield from map(trained.quality, experiment.generations())
    yield from experiment.object_maps(seed)
    yield from (run.predictions(last), run.evaluation(last), run.trimap(last))
    # A search for the CRF's weights runs only if somebody asks for it; from then on the page keeps it up to date.
    if not experiment.why_no_crf_search and run.crf_search(last).exists():
        yield run.crf_search(last)


def page_settings(experiment: ExperimentPlan) -> dict[str, Any]:
    """The settings that the page shows."""
    config, settings = experiment.config, experiment.settings
    return {
        "experiment": settings,
        "dataset": config["datasets"][settings["dataset"]],
        "proposals": config["proposals"][settings["proposals"]],
    }


def comparable(experiment: ExperimentPlan) -> dict[str, dict[str, Any]]:
    """Other experiments that are evaluated on the same images, without points of searches: name -> seeds and epochs."""
    others = {name: ExperimentPlan(name, experiment.config) for name in experiment.config["experiments"]}
    return {
        name: {"seeds": other.seeds, "epochs": other.epochs}
        for name, other in others.items()
        if name != experiment.name and not is_point(experiment.config, name) and _scored(other) == _scored(experiment)
    }


def _scored(experiment: ExperimentPlan) -> tuple[Split, int, int]:
    """What determines the images that are scored: the split, and how many are held out by which seed."""
    validation = experiment.settings["validation"]
    return experiment.val, validation["held_out"], validation["held_out_seed"]


def finished_searches(experiment: ExperimentPlan) -> dict[str, str]:
    """Name -> table of each search over the experiment's settings, if it was run."""
    searches = [
        name for name, search in experiment.config["searches"].items() if search["experiment"] == experiment.name
    ]
    return {name: str(search_table(name)) for name in searches if search_table(name).exists()}


def final_trimaps(experiment: ExperimentPlan) -> list[Path]:
    """The trimap table of each seed after the last epoch."""
    return [experiment.run(seed).trimap(experiment.epochs) for seed in experiment.seeds]


def trimap_settings(experiments: Sequence[ExperimentPlan]) -> dict[str, Any]:
    """The settings of `boxsup trimap plot`: for each experiment, what it is evaluated on, and its tables."""
    return {
        "experiments": {
            experiment.name: {
                "evaluated": f"{experiment.val.dataset}, {experiment.val.split}{without_held_out(experiment.settings)}",
                "tables": list(map(str, final_trimaps(experiment))),
            }
            for experiment in experiments
        }
    }


def timed_stages(experiment: ExperimentPlan) -> dict[str, list[str]]:
    """Stage -> files and folders of Snakemake's benchmarks of its jobs, in the order of the data flow."""
    jobs = _timed_jobs(experiment)
    timed = [stage for stage in STAGES.values() if stage.timed]
    return {stage.name: [benchmarks_of(stage.name, **names) for names in jobs[stage.timed]] for stage in timed}


def _timed_jobs(experiment: ExperimentPlan) -> dict[Timed, list[dict[str, Any]]]:
    """Which jobs of a stage are timed -> their wildcards; a wildcard that is left out, such as the epoch, means all."""
    kind = experiment.fixed_kind
    fixed = experiment.boxed_parts if kind else []
    masks = [*((part, "truth") for part in experiment.masked_parts), *((part, kind) for part in fixed)]
    choosing, proposals = experiment.choosing_parts, {"proposals": experiment.setting("proposals")}
    proposed = dict.fromkeys(map(experiment.datasets.proposed_split, choosing))
    return {
        "candidates": [_names(part) | proposals for part in proposed],
        "overlaps": [_names(part) | proposals for part in choosing],
        "masks": [_names(part) | {"kind": kind} for part, kind in masks],
        "training": [{"experiment": experiment.trained_by, "seed": seed} for seed in experiment.seeds],
        "evaluation": [{"experiment": experiment.name, "seed": seed} for seed in experiment.seeds],
    }


def _names(split: Split) -> dict[str, Any]:
    return {"dataset": split.dataset, "split": split.split}
