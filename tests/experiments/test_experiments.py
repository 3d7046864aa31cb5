"""What experiments need, by their settings; tests/workflow/test_dag.py sees the jobs that come of it."""

from pathlib import Path

import pytest

from boxsup.config.files import merge
from boxsup.experiments.datasets import DataSets
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments.page import (
    comparable,
    finished_searches,
    found_beside,
    page_inputs,
    timed_numbers,
    timed_stages,
)
from boxsup.experiments.paper import PaperPage
from boxsup.experiments.search import SearchPlan
from boxsup.experiments.splits import Split
from boxsup.experiments.tree import Run

VOC = {"format": "voc", "shards": 2, "splits": {"train": {}, "masks": {}, "val": {}}}
DATASETS = {
    "own": VOC,
    "more": VOC | {"proposals_of": "own", "root": "data/more"},
    "generated": VOC | {"format": "shapes"},
    "both": {
        "format": "union",
        "splits": {"train": ["own/train", "more/train"], "masks": ["own/train"], "val": ["own/val"]},
    },
}
UPDATE = {"every": 2, "warmup": 1, "scales": [1.0, 1.5], "mu": 0.75, "difficult": "use"}
BASE = {
    "dataset": "own",
    "train": "train",
    "val": "val",
    "proposals": "mcg",
    "supervision": {"boxes": "boxsup", "masks": "none"},
    "seeds": [0, 1],
    "epochs": 5,
    "update": UPDATE,
    "objects": {"folds": 2, "rounds": 1},
    "validation": {"every": 2, "held_out": 0, "held_out_seed": 0},
    "inference": {"crf": {"iterations": 10}},
    "checkpoints_of": None,
    "init_from": None,
}


def config(searches=None, pages=None, **experiments):
    """A resolved configuration of experiments that differ from BASE."""
    own = {name: merge(BASE, changes) for name, changes in experiments.items()}
    return {
        "datasets": DATASETS,
        "proposals": {"mcg": {"method": "mcg"}},
        "experiments": own,
        "searches": searches or {},
        "pages": pages or {},
    }


def experiment(**changes):
    return ExperimentPlan("x", config(x=changes))


def supervised(boxes, masks, dataset="own"):
    return experiment(supervision={"boxes": boxes, "masks": masks}, dataset=dataset)


def test_a_generation_is_named_after_the_first_epoch_that_trains_on_it():
    own = experiment()
    assert [own.generation(epoch) for epoch in range(1, 6)] == [1, 1, 3, 3, 5]
    assert own.generations() == [1, 3, 5]
    assert supervised("grabcut", "none").generations() == [1]


def test_a_generation_asks_the_network_after_the_epoch_before_once_it_is_warm():
    own = experiment(checkpoints_of="other")
    assert own.asked_model(0, 1) is None
    assert own.asked_scales(1) == []
    assert own.asked_model(0, 3) == Run("other", 0).model(2)
    assert own.asked_scales(3) == [1.0, 1.5]
    assert supervised("grabcut", "none").asked_model(0, 3) is None


@pytest.mark.parametrize(
    ("every", "warmup", "asking"),
    [(1, 2, [3, 4, 5]), (4, 0, [1, 5]), (4, 1, [5]), (4, 2, []), (2, 2, [5]), (2, 0, [1, 3, 5])],
)
def test_the_warm_up_counts_generations_and_not_epochs(every, warmup, asking):
    own = experiment(update=UPDATE | {"every": every, "warmup": warmup})
    assert [generation for generation in own.generations() if own.asks(generation)] == asking


def test_object_networks_judge_the_parts_that_they_have_not_seen_where_boxes_choose():
    own = experiment(checkpoints_of="other")
    assert own.object_maps(0) == [Run("other", 0).object_maps(1, i, 2) for i in (0, 1)]
    assert own.object_maps(0, 0) == []  # before the first round
    assert experiment(update=UPDATE | {"mu": 0}).object_maps(0) == []
    assert supervised("grabcut", "none").object_maps(0) == []


def test_generations_are_held_against_the_one_before_and_the_first():
    own = experiment()
    assert (own.generation_before(0, 1), own.first_quality(0, 1)) == (None, None)
    assert own.generation_before(0, 5) == Run("x", 0).labels(3)
    assert own.first_quality(0, 5) == Run("x", 0).quality(1)


@pytest.mark.parametrize(
    ("boxes", "masks", "chooses", "masked"),
    [
        ("boxsup", "none", True, None),
        ("boxsup", "masks", True, Split("own", "masks")),
        ("boxsup", "all", False, Split("own", "train")),
        ("grabcut", "none", False, None),
    ],
)
def test_boxes_choose_where_no_other_masks_are_given(boxes, masks, chooses, masked):
    own = supervised(boxes, masks)
    assert (own.chooses, own.masked) == (chooses, masked)
    pools = [Split("own", "train").proposals("mcg", i, 2) for i in (0, 1)]
    assert own.pools() == (pools if chooses else [])
    assert own.fixed_masks() == ([Split("own", "train").masks("grabcut")] if boxes == "grabcut" else [])
    assert own.true_masks() == ([masked.masks("truth")] if masked else [])


def test_baselines_treat_difficult_boxes_as_the_update_does():
    split, update = Split("own", "train"), UPDATE | {"difficult": "void"}
    own = experiment(supervision={"boxes": "grabcut", "masks": "masks"}, update=update)
    assert own.fixed_masks() == [split.masks("grabcut-void")]
    assert timed_stages(own)["fixed_masks"][-1] == "results/logs/fixed_masks/own/train/grabcut-void.benchmark.tsv"
    assert experiment(update=update).fixed_masks() == []


def test_parts_of_a_union_that_have_their_masks_need_no_candidates():
    own = supervised("boxsup", "masks", dataset="both")
    assert own.masked_parts == [Split("own", "train")]
    assert own.boxed_parts == [Split("more", "train")]
    # Candidates are made once for both data sets of the same images, overlaps for each.
    assert own.pools() == [Split("own", "train").proposals("mcg", i, 2) for i in (0, 1)]
    assert own.overlaps() == [Split("more", "train").overlaps("mcg", i, 2) for i in (0, 1)]


def test_data_sets_say_where_their_files_are():
    data = DataSets(DATASETS)
    assert (data.with_files(), data.with_proposals()) == (["own", "more", "generated"], ["own", "generated"])
    assert data.of_format("union", "shapes") == ["generated", "both"]
    assert (data.reader("generated"), data.reader("own")) == ("voc", "voc")
    assert (data.root("generated"), data.root("more")) == ("results/data/generated/tree", "data/more")
    assert data.source("generated") == Path("results/data/generated/tree")
    assert data.source("own") == Path("results/data/own/source.json")
    assert data.source("both") is None


def test_a_run_may_start_from_a_checkpoint_that_is_itself_anothers():
    start = {"init_from": {"experiment": "b", "epoch": 3, "drop": []}}
    own = config(a=start, b={"checkpoints_of": "c"}, c={})
    assert ExperimentPlan("a", own).initial_model(1) == Run("c", 1).model(3)
    assert ExperimentPlan("c", own).initial_model(1) is None


def test_a_page_needs_what_its_networks_experiment_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = ExperimentPlan("a", config(a={"checkpoints_of": "b", "seeds": [4], "validation": {"held_out": 3}}, b={}))
    paths = page_inputs(own)
    run, trained = Run("a", 4), Run("b", 4)
    assert [path for path in paths if path.name == "train.csv"] == [trained.epoch(e).progress for e in range(1, 6)]
    assert [path for path in paths if path.name == "val.csv"] == [run.epoch(e).validation for e in (2, 4)]
    assert {trained.labels(3), trained.quality(3), run.predictions(5), run.evaluation(5), run.trimap(5)} <= set(paths)
    assert set(own.val.tables()) <= set(paths)
    assert run.crf_search(5) not in paths
    run.crf_search(5).parent.mkdir(parents=True)
    run.crf_search(5).touch()
    assert set(page_inputs(own)) == {*paths, run.crf_search(5)}


def test_experiments_are_compared_on_the_same_images_and_points_of_searches_are_not():
    searches = {"s": {"experiment": "a", "points": [{"experiment": "s_1", "values": {}}]}}
    own = config(searches, a={}, b={"seeds": [7]}, s_1={}, c={"val": "train"}, d={"validation": {"held_out": 2}})
    assert comparable(ExperimentPlan("a", own)) == {"b": {"seeds": [7], "epochs": 5}}


def test_a_page_shows_the_searches_that_were_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = ExperimentPlan("a", config({name: {"experiment": "a", "points": []} for name in ("s", "t")}, a={}))
    Path("results/s").mkdir(parents=True)
    Path("results/s/search.csv").touch()
    assert finished_searches(own) == {"s": "results/s/search.csv"}


def test_what_a_page_shows_of_others_is_known_by_its_last_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = ExperimentPlan("a", config({"s": {"experiment": "a", "points": []}}, a={}, b={"seeds": [7]}, c={}))
    assert found_beside(own) == []
    paths = [Run("b", 7).evaluation(5), Path("results/s/search.csv")]
    for path in [*paths, Run("a", 0).evaluation(5), Run("b", 7).evaluation(4)]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert found_beside(own) == [(str(path), path.stat().st_mtime_ns) for path in paths]


def test_a_search_reads_the_last_predictions_of_each_seed():
    points = [{"experiment": name, "values": {"update.k": k}} for name, k in (("s_1", 1), ("s_2", 2))]
    search = SearchPlan("s", config({"s": {"experiment": "a", "points": points}}, a={}, s_1={"seeds": [0]}, s_2={}))
    first, second = search.points()
    assert first == {**points[0], "predictions": ["results/s_1/seed-0/predictions/005.zarr"]}
    assert second["predictions"] == [f"results/s_2/seed-{seed}/predictions/005.zarr" for seed in (0, 1)]
    assert list(map(str, search.predictions())) == first["predictions"] + second["predictions"]


def test_times_are_of_the_jobs_that_an_experiment_needed():
    own = supervised("boxsup", "masks", dataset="both")
    logs, numbered = "results/logs", "*.benchmark.tsv"
    assert timed_stages(own) == {
        "proposals": [f"{logs}/proposals/own/train/mcg/*-of-2.benchmark.tsv"],
        "overlaps": [f"{logs}/overlaps/more/train/mcg/*-of-2.benchmark.tsv"],
        "fixed_masks": [f"{logs}/fixed_masks/own/train/truth.benchmark.tsv"],
        "network": [f"{logs}/network/x/seed-{seed}.benchmark.tsv" for seed in (0, 1)],
        "objects": [f"{logs}/objects/x/seed-{seed}/1-*-of-2.benchmark.tsv" for seed in (0, 1)],
        **{stage: [f"{logs}/{stage}/x/seed-{seed}/{numbered}" for seed in (0, 1)] for stage in timed_numbers(own)},
    }


def test_times_leave_out_jobs_of_an_earlier_configuration():
    own = experiment(validation={"held_out": 2})
    numbers = timed_numbers(own)
    assert (numbers["labels"], numbers["epoch"], numbers["validate"]) == ([1, 3, 5], [1, 2, 3, 4, 5], [2, 4])
    assert numbers["predictions"] == numbers["crf_search"] == [5]
    assert timed_numbers(experiment())["crf_search"] == []
    assert timed_numbers(supervised("rectangles", "none"))["label_quality"] == [1]
    assert timed_stages(supervised("rectangles", "none"))["objects"] == []
    assert len(timed_stages(experiment(objects={"rounds": 2}))["objects"]) == 4


def test_a_page_beside_the_paper_runs_its_experiments_or_takes_what_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pages = {name: {"full": "", "small": "tiny", "run": run} for name, run in (("runs", True), ("takes", False))}
    own = config(pages=pages, tiny_box={"seeds": [0], "dataset": "generated"}, tiny_mask={"seeds": [0]}, other={})
    runs, takes = PaperPage("runs", own), PaperPage("takes", own)
    assert runs.at_scale("small") == {"voc_mask": "tiny_mask", "voc_box": "tiny_box"}
    assert runs.at_scale("full") == {}
    assert Run("tiny_box", 0).evaluation(5) in runs.inputs()
    assert (takes.inputs(), takes.evaluations()) == ([], [])
    done = Run("tiny_mask", 0).evaluation(5)
    done.parent.mkdir(parents=True)
    done.touch()
    assert takes.evaluations() == [(str(done), done.stat().st_mtime_ns)]
    assert runs.evaluations() == []
    settings = runs.settings()
    assert settings["demo"]
    assert settings["settings"] == own["experiments"]["tiny_box"]
