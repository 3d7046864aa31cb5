"""What the page of an experiment shows: its inputs, its settings, and what it compares with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from boxsup.config.params import without_held_out
from boxsup.experiments.experiment import ExperimentPlan, is_point
from boxsup.experiments.splits import Split
from boxsup.experiments.tree import benchmark_of, search_table
from boxsup.stages import STAGES


def page_inputs(experiment: ExperimentPlan) -> list[Path]:
    """The results of all seeds without which the page cannot be made."""
    paths = [experiment.folder.labelling]
    for seed in experiment.seeds:
        paths += _run_inputs(experiment, seed)
    return [*paths, *experiment.train.tables(), *experiment.val.tables()]


def _run_inputs(experiment: ExperimentPlan, seed: int) -> Iterator[Path]:
    run, trained, last = experiment.run(seed), experiment.trained(seed), experiment.epochs
    yield from (trained.epoch(epoch).progress for epoch in range(1, last + 1))
    yield from (run.epoch(epoch).validation for epoch in validated(experiment))
    yield from map(trained.labels, experiment.generations())
    yield from map(trained.quality, experiment.generations())
    yield from experiment.object_maps(seed)
    yield from (run.predictions(last), run.evaluation(last), run.scored(last), run.trimap(last))
    # A search for the CRF's weights runs only if somebody asks for it; from then on the page keeps it up to date.
    if not experiment.why_no_crf_search and run.crf_search(last).exists():
        yield run.crf_search(last)


def validated(experiment: ExperimentPlan) -> list[int]:
    """The epochs after which the learning curve has a point."""
    every = int(experiment.setting("validation", "every"))
    return list(range(every, experiment.epochs + 1, every)) if every else []


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


def found_beside(experiment: ExperimentPlan) -> list[tuple[str, int]]:
    """What the page shows of other experiments and of searches: the tables that exist, and when each changed, in ns."""
    others = {name: ExperimentPlan(name, experiment.config) for name in comparable(experiment)}
    tables = [other.run(seed).evaluation(other.epochs) for other in others.values() for seed in other.seeds]
    return last_changes([*tables, *map(Path, finished_searches(experiment).values())])


def last_changes(paths: Iterable[Path]) -> list[tuple[str, int]]:
    """The files that exist, with the time of their last change in ns; for `params`, so that a page is made again."""
    return [(str(path), path.stat().st_mtime_ns) for path in paths if path.exists()]


def final_trimaps(experiment: ExperimentPlan) -> list[Path]:
    """The trimap table of each seed after the last epoch."""
    return [experiment.run(seed).trimap(experiment.epochs) for seed in experiment.seeds]


def trimap_settings(experiments: Sequence[ExperimentPlan]) -> dict[str, Any]:
    """The settings of `boxsup trimap plot`.

    Returns:
        For each experiment what it is evaluated on, whether a CRF refines its predictions, and its tables.
    """
    return {
        "experiments": {
            experiment.name: {
                "evaluated": f"{experiment.val.dataset}, {experiment.val.split}{without_held_out(experiment.settings)}",
                "refined": experiment.refined,
                "tables": list(map(str, final_trimaps(experiment))),
            }
            for experiment in experiments
        }
    }


def timed_stages(experiment: ExperimentPlan) -> dict[str, list[str]]:
    """Stage -> Snakemake's benchmarks of its jobs, in the order of the data flow: files, with `*` for any number."""
    jobs = _timed_jobs(experiment)
    timed = [stage for stage in STAGES.values() if stage.timed]
    return {
        stage.name: [benchmark_of(stage.name).format(**names) for names in jobs.get(stage.name, jobs[stage.timed])]
        for stage in timed
    }


def timed_numbers(experiment: ExperimentPlan) -> dict[str, list[int]]:
    """Stage with jobs for epochs or generations -> their numbers; other files are of an earlier configuration."""
    generations, last = experiment.generations(), [experiment.epochs]
    return {
        "labels": generations,
        "label_quality": generations,
        "epoch": list(range(1, experiment.epochs + 1)),
        "validate": validated(experiment),
        "predictions": last,
        "evaluation": last,
        "trimap": last,
        "crf_search": [] if experiment.why_no_crf_search else last,
    }


def _timed_jobs(experiment: ExperimentPlan) -> dict[str, list[dict[str, Any]]]:
    """Which jobs are timed, by a stage or else by `Timed` -> their wildcards; `*` means all."""
    kind = experiment.fixed_kind
    fixed = experiment.boxed_parts if kind else []
    masks = [*((part, "truth") for part in experiment.masked_parts), *((part, kind) for part in fixed)]
    choosing = experiment.choosing_parts
    proposed = dict.fromkeys((experiment.datasets.proposed_split(part), _shards(experiment, part)) for part in choosing)
    trained = [{"experiment": experiment.trained_by, "seed": seed, "epoch": "*"} for seed in experiment.seeds]
    turns = range(1, experiment.setting("objects", "rounds") + 1) if experiment.looks else []
    parts = {"i": "*", "n": len(experiment.object_parts())}
    return {
        "candidates": [_names(experiment, part, shards) for part, shards in proposed],
        "overlaps": [_names(experiment, part, _shards(experiment, part)) for part in choosing],
        "masks": [{"dataset": part.dataset, "split": part.split, "kind": kind} for part, kind in masks],
        "objects": [names | parts | {"turn": turn} for names in trained for turn in turns],
        "training": trained,
        "evaluation": [names | {"experiment": experiment.name} for names in trained],
    }


def _shards(experiment: ExperimentPlan, part: Split) -> int:
    return len(experiment.datasets.shards(part.dataset))


def _names(experiment: ExperimentPlan, part: Split, shards: int) -> dict[str, Any]:
    """The wildcards of the jobs for all shards of a split's candidates."""
    names = {"dataset": part.dataset, "split": part.split, "proposals": experiment.setting("proposals")}
    return names | {"i": "*", "n": shards}
