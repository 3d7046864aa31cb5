"""What an evaluation records of the settings that made its scores."""

from copy import deepcopy

import pytest

from boxsup.config.files import merge
from boxsup.config.resolve import resolve
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments.paper import PaperPage
from boxsup.experiments.scored import differences, scored_settings


@pytest.fixture(scope="module")
def resolved(config):
    return resolve(config)


def scored(resolved, name, changes=None, **known):
    own = {**resolved, **{key: merge(resolved[key], value) for key, value in known.items()}}
    own["experiments"] = merge(own["experiments"], {name: changes or {}})
    return scored_settings(ExperimentPlan(name, own))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"training": {"rate": 0.5}}, "training.rate"),
        ({"schedule": {"gamma": 0.5}}, "schedule.gamma"),
        ({"network": {"weights": "none"}}, "network.weights"),
        ({"update": {"every": 5}}, "update.every"),
        ({"inference": {"crf": {"iterations": 1}}}, "inference.crf.iterations"),
        ({"objects": {"rounds": 2}}, "objects.rounds"),
        ({"supervision": {"reviewed": "reviewed.jsonl"}}, "supervision.reviewed"),
        ({"val": "trainaug"}, "val"),
    ],
)
def test_what_changes_scores_is_recorded(resolved, changes, key) -> None:
    assert key in differences(scored(resolved, "voc_box"), scored(resolved, "voc_box", changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"workers": 9, "threads": 9}},
        {"objects": {"threads": 9}},
        {"inference": {"workers": 9, "crf_search": {"rounds": 9}}},
        {"validation": {"every": 9, "held_out_seed": 9}},
        {"seeds": [7]},
        {"epochs": 90},
    ],
)
def test_what_changes_no_score_is_not(resolved, changes) -> None:
    assert scored(resolved, "voc_box", changes) == scored(resolved, "voc_box")


def test_settings_that_have_no_effect_are_not_recorded(resolved) -> None:
    change = {"update": {"k": 5}, "objects": {"rounds": 2}, "proposals": "geodesic"}
    assert scored(resolved, "voc_rectangles", change) == scored(resolved, "voc_rectangles")
    assert scored(resolved, "voc_mask", {"supervision": {"boxes": "grabcut"}}) == scored(resolved, "voc_mask")


def test_of_data_sets_only_what_the_experiment_reads_is_recorded(resolved) -> None:
    own = scored(resolved, "voc_box")
    elsewhere = {"root": "elsewhere", "shards": 9, "splits": {"more": resolved["datasets"]["voc"]["splits"]["val"]}}
    assert scored(resolved, "voc_box", datasets={"voc": elsewhere, "coco": {"shards": 9}}) == own
    lists = {"splits": {"val": {"list": "other"}}}
    assert differences(own, scored(resolved, "voc_box", datasets={"voc": lists})) == ["datasets.voc.splits.val.list"]


def test_the_parts_of_a_union_and_what_a_run_starts_from_are_recorded(resolved) -> None:
    own = scored(resolved, "voc_coco_semi")
    assert {"voc_coco", "voc", "coco_voc"} <= set(own["datasets"])
    start = deepcopy(resolved)
    source = start["experiments"]["context_coco_box"]["init_from"]["experiment"]
    start["experiments"][source]["training"]["rate"] = 0.5
    found = differences(scored(resolved, "context_coco_box"), scored(start, "context_coco_box"))
    assert found == ["init_from.settings.training.rate"]


def test_every_experiment_of_a_page_can_be_compared_with_what_the_page_is_told(resolved) -> None:
    own = PaperPage("paper", resolved)
    told = own.settings()
    experiments = dict(told["starts"])
    for scale in ("full", "small"):
        experiments |= {entry["name"]: entry["settings"] for entry in told[scale].values()}
    for experiment in own.experiments:
        known = {"experiments": experiments, "datasets": told["datasets"], "proposals": told["proposals"]}
        assert scored_settings(ExperimentPlan(experiment.name, known)) == scored_settings(experiment)
