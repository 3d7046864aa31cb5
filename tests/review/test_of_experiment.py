"""The results of an experiment as what is reviewed, and what the next generation makes of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import boxsup
from boxsup.catalogue.tables import read_catalogue, write_catalogue
from boxsup.cli import main
from boxsup.config.params import generation_settings
from boxsup.errors import DataError
from boxsup.inference.labelling import format_labelling, labelling_settings, parse_labelling
from boxsup.labels.choice import Chosen
from boxsup.proposals.pool_store import Pools
from boxsup.review.ahead import Ahead
from boxsup.review.of_experiment import subject_of_experiment
from boxsup.review.session import Session, Wish

pytestmark = pytest.mark.slow  # candidates are made

CLASSES = ["ring", "crescent", "star"]


@pytest.fixture
def labels(tmp_path, monkeypatch, config):
    """Run `boxsup labels` for a generation of an experiment, in the layout of results."""
    monkeypatch.chdir(tmp_path)
    shapes = json.dumps({"seed": 0, "side": 80, "train": 3, "val": 1, "masks": 1})
    main(["shapes", "--settings", shapes, "--classes", json.dumps(CLASSES), "--out", "results/data/demo/tree"])
    split, train = json.dumps({"list": "train", "masks": "SegmentationClass"}), "results/data/demo/train"
    read = ["--format", "voc", "--root", "results/data/demo/tree", "--split", split, "--classes", json.dumps(CLASSES)]
    main(["catalogue", *read, "--on-problem", "stop", "--out", train])
    pools, iou = f"{train}/proposals/ss/0-of-1.zarr", f"{train}/overlaps/ss/0-of-1.zarr"
    settings = json.dumps(config["proposals"]["selective_search"])
    main(["proposals", "make", "--catalogue", train, "--settings", settings, "--out", pools])
    main(["overlaps", "--catalogue", train, "--proposals", pools, "--out", iou])

    def run(number, *more, k=1):
        update = json.dumps(generation_settings({**config["defaults"]["update"], "k": k}))
        own = ["--catalogue", train, "--generation", str(number), "--seed", "0"]
        stores = ["--settings", update, "--proposals", pools, "--overlaps", iou] if "--fixed" not in more else []
        out = f"results/own/seed-0/labels/{number:03d}.zarr"
        main(["labels", *own, *stores, *map(str, more), "--out", out])
        return boxsup.open_labels(out)

    return run


def test_the_score_is_that_of_the_candidate_that_was_drawn(labels, tmp_path):
    generation = labels(1, k=5)
    chosen, best, expected = (generation.table(name) for name in ("chosen", "best", "expected_iou"))
    drawn = best == chosen[:, None]
    assert (drawn.any(axis=1) & ~drawn[:, 0]).any()  # some box drew another one than its best
    subject = subject_of_experiment(tmp_path / "results/own")
    scores = [round(float(expected[row][drawn[row]][0]), 4) if drawn[row].any() else 0.5 for row in range(len(chosen))]
    assert [box.score for box in subject.boxes] == pytest.approx(scores, abs=1e-4)


def test_an_experiment_is_reviewed_and_the_next_generation_has_it(labels, tmp_path):
    (tmp_path / "results/own/seed-0").mkdir(parents=True)
    with pytest.raises(DataError, match="has no generation of pseudo-masks yet"):
        subject_of_experiment(tmp_path / "results/own")
    generation = labels(1)
    subject = subject_of_experiment(tmp_path / "results/own")
    split, chosen = read_catalogue(tmp_path / "results/data/demo/train"), generation.table("chosen")
    assert len(subject.boxes) == len(split.boxes)
    pools = Pools([tmp_path / "results/data/demo/train/proposals/ss/0-of-1.zarr"])
    for row, box in enumerate(subject.boxes):
        x0, y0, x1, y1 = box.corners
        expected = np.zeros((box.height, box.width), np.bool_)
        expected[y0:y1, x0:x1] = pools[box.image].mask(int(chosen[row]))[y0:y1, x0:x1] if chosen[row] >= 0 else True
        assert (subject.mask(row) == expected).all()
    ahead = Ahead(subject.look, 1)
    try:
        session = Session(subject, ahead, 0.9)
        place = session.order[0]
        box = subject.boxes[place]
        _, options = session.options(place)
        assert len(options) > 1
        session.decide(Wish("a", place, "mask", 1, (), (), box.key.class_name, box.corners))
    finally:
        ahead.close()
    assert "run PROJECT --reviewed " in subject.feedback
    journal = (tmp_path / "results/own/reviewed.jsonl").rename(tmp_path / "elsewhere.jsonl")
    pinned = labels(2, "--reviewed", journal)
    assert (pinned[box.image][options[1]] == box.class_id).all()
    assert pinned.table("chosen")[place] == Chosen.SEGMENT
    again = subject_of_experiment(tmp_path / "results/own")
    assert len(again.boxes) == len(subject.boxes) - 1  # the pinned one is not asked about again
    assert again.journal == journal  # later decisions join those that are used
    assert "run PROJECT` trains on it" in again.feedback
    journal.unlink()
    assert subject_of_experiment(tmp_path / "results/own").journal == tmp_path / "results/own/reviewed.jsonl"


def record(folder, **experiment):
    """Write what the workflow records of an experiment."""
    settings = labelling_settings(experiment, folder.name, 0.2)
    (folder / "labelling.json").write_text(format_labelling(parse_labelling(json.dumps(settings), "test")))


def test_generations_that_an_earlier_run_left_are_not_reviewed(labels, tmp_path, config):
    """A run of other settings leaves its generations beside those of the run of today."""
    folder, tables = tmp_path / "results/own", tmp_path / "results/data/demo/train"
    base = config["defaults"] | {"supervision": {"boxes": "boxsup", "masks": "none"}, "seeds": [1]}
    for number in (1, 2, 3):
        labels(number)
    shutil.copytree(folder / "seed-0", folder / "seed-1")  # an experiment that no longer has the seed 0
    shutil.rmtree(folder / "seed-0/labels/003.zarr")
    record(folder, **base | {"epochs": 2})
    assert subject_of_experiment(folder).boxes
    whole = read_catalogue(tables)
    write_catalogue(tables, replace(whole, boxes=whole.boxes.iloc[1:]))  # the message then says which generation it is
    for epochs, every, last in ((2, 1, 2), (3, 1, 3), (9, 1, 3), (9, 4, 1), (4, 2, 3)):
        record(folder, **base | {"epochs": epochs, "update": base["update"] | {"every": every}})
        with pytest.raises(DataError, match=f"since generation {last};"):
            subject_of_experiment(folder)
    write_catalogue(tables, whole)
    record(folder, **base | {"epochs": 3, "checkpoints_of": "base"})
    with pytest.raises(DataError, match=r"uses the networks of base, whose boxes chose; review \S*results/base"):
        subject_of_experiment(folder)


def test_choices_that_an_earlier_run_left_are_not_reviewed_where_no_box_chooses(labels, tmp_path, config):
    folder = tmp_path / "results/own"
    main(["fixed-masks", "--catalogue", "results/data/demo/train", "--kind", "rectangles", "--out", "fixed.zarr"])
    labels(1, "--fixed", "fixed.zarr")
    labels(2)
    base = config["defaults"] | {"supervision": {"boxes": "rectangles", "masks": "none"}}
    for epochs in (0, 2):  # 0: without a record
        if epochs:
            record(folder, **base | {"epochs": epochs})
        with pytest.raises(DataError, match="its boxes chose no candidates"):
            subject_of_experiment(folder)


def test_a_generation_of_other_boxes_is_not_reviewed(labels, tmp_path):
    labels(3)
    experiment, tables = tmp_path / "results/own", tmp_path / "results/data/demo/train"
    whole = read_catalogue(tables)
    assert len(subject_of_experiment(experiment).boxes) == len(whole.boxes)
    moved, swapped = whole.boxes.copy(), whole.boxes.copy()
    moved.loc[0, "x1"] -= 1
    first = whole.boxes["image"] == whole.ids[0]
    swapped.loc[first, "label"] = whole.boxes.loc[first, "label"].to_numpy() % 3 + 1
    for boxes in (moved, swapped, whole.boxes.iloc[1:].reset_index(drop=True)):
        write_catalogue(tables, replace(whole, boxes=boxes))
        with pytest.raises(DataError, match="the boxes changed since generation 3; run the workflow first"):
            subject_of_experiment(experiment)
    write_catalogue(tables, whole)
    fewer = whole.subset(whole.ids[1:])
    taller = whole.images.assign(height=whole.images["height"] + 1)
    for odd in (replace(whole, boxes=whole.boxes.iloc[1:]), fewer, replace(whole, images=taller)):
        write_catalogue(tables, odd)
        with pytest.raises(DataError, match="the boxes changed since generation 3"):
            subject_of_experiment(experiment)
