"""Which checkpoint is meant, and how its run labels images: files, folders, copies, other experiments' networks."""

import itertools
import json
import shutil
from pathlib import Path

import pytest

from boxsup.config.proposals import MEGAPIXELS
from boxsup.errors import ConfigError, StoreError
from boxsup.experiments.tree import LABELLING
from boxsup.inference.labelling import (
    Labelling,
    crf_settings,
    format_labelling,
    labelling_settings,
    parse_labelling,
    read_labelling,
)
from boxsup.inference.trained import find_trained, override_crf, override_labelling

CRF = {
    "iterations": 3,
    "spatial_xy": 3.0,
    "spatial_weight": 3.0,
    "bilateral_xy": 60.0,
    "bilateral_rgb": 8.0,
    "bilateral_weight": 4.0,
    "least_probability": 0.1,
}


def settings(name, checkpoints_of=None, seeds=(0,), epochs=2, scale=0.5, mu=0.5, **objects):
    """What the workflow passes of an experiment."""
    experiment = {
        "supervision": {"boxes": "boxsup", "masks": "none"},
        "objects": {"rounds": 1, "folds": 2} | objects,
        "checkpoints_of": checkpoints_of,
        "seeds": list(seeds),
        "epochs": epochs,
        "inference": {"workers": 2, "scales": [scale], "background_bias": -0.5, "crf": CRF, "crf_search": {}},
        "update": {"scales": [0.25], "k": 1, "every": 1, "mu": mu},
        "training": {"threads": 2, "rate": 1},
    }
    return json.dumps(labelling_settings(experiment, name, 0.2))


def touch(folder, seeds=(0,), epochs=3):
    for seed in seeds:
        for epoch in range(epochs):
            place = folder / f"seed-{seed}" / "epochs" / f"{epoch:03d}"
            place.mkdir(parents=True)
            (place / "model.pt").touch()


def write(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / LABELLING).write_text(format_labelling(parse_labelling(text, "test")))


@pytest.fixture
def results(tmp_path):
    """A run of two seeds, whose page shows the second seed's third file, and an experiment with its networks."""
    touch(tmp_path / "own", seeds=(0, 10), epochs=4)
    write(tmp_path / "own", settings("own", seeds=(10, 0)))
    write(tmp_path / "other", settings("other", "own", seeds=(0,), epochs=3, scale=2.0))
    return tmp_path


def test_without_a_word_images_are_reduced_as_those_of_a_data_set():
    content = json.loads(settings("own"))
    assert parse_labelling(json.dumps(content), "test").labelling.megapixels == 0.2
    del content["labelling"]["megapixels"]
    assert parse_labelling(json.dumps(content), "test").labelling.megapixels == MEGAPIXELS == Labelling().megapixels


def test_without_a_file_a_folder_means_its_last_epoch_and_its_first_seed(tmp_path):
    touch(tmp_path, seeds=(10,), epochs=3)
    touch(tmp_path, seeds=(2,), epochs=2)
    assert find_trained(tmp_path).checkpoint == tmp_path / "seed-2/epochs/001/model.pt"
    found = find_trained(tmp_path / "seed-10")
    assert (found.checkpoint, found.labelling) == (tmp_path / "seed-10/epochs/002/model.pt", Labelling())
    assert "no labelling.json beside it" in found.note
    with pytest.raises(StoreError, match="no checkpoint in it; name a"):
        find_trained(tmp_path / "seed-2" / "epochs")


@pytest.mark.parametrize(
    ("asked", "checkpoint"),
    [
        ("own", "own/seed-10/epochs/002/model.pt"),  # the page's seed and epoch, and not the last that is there
        ("own/seed-0", "own/seed-0/epochs/002/model.pt"),
        ("own/seed-0/epochs/001", "own/seed-0/epochs/001/model.pt"),
        ("own/seed-0/epochs/001/model.pt", "own/seed-0/epochs/001/model.pt"),
    ],
)
def test_every_way_to_name_a_run_finds_its_settings(results, asked, checkpoint, monkeypatch):
    if asked.startswith("own"):
        write(results / "own", settings("own", seeds=(10, 0), epochs=2))
    for base in (results, Path()):
        monkeypatch.chdir(results)
        found = find_trained(base / asked)
        assert found.checkpoint == base / checkpoint
        assert (found.labelling.scales, found.labelling.update_scales) == ((0.5,), (0.25,))
        assert (found.labelling.background_bias, found.labelling.threads) == (-0.5, 2)
        assert found.labelling.crf.bilateral_rgb == 8
        assert found.note == ""


def test_a_folder_may_be_the_one_where_the_user_is(results, monkeypatch):
    monkeypatch.chdir(results / "own/seed-0")
    assert find_trained(".").checkpoint.resolve() == (results / "own/seed-0/epochs/002/model.pt").resolve()
    assert find_trained(".").labelling.scales == (0.5,)


def test_an_experiment_that_trains_nothing_means_anothers_network_and_its_own_labels(results):
    found = find_trained(results / "other")
    assert found.checkpoint == results / "own/seed-0/epochs/003/model.pt"
    assert found.labelling.scales == (2.0,)
    assert find_trained(found.checkpoint).labelling.scales == (0.5,)


def test_a_run_that_has_not_come_to_its_last_epoch_means_what_is_there(results):
    write(results / "own", settings("own", seeds=(0,), epochs=9))
    assert find_trained(results / "own").checkpoint == results / "own/seed-0/epochs/003/model.pt"


def test_a_copy_keeps_its_settings_where_the_file_comes_along(results, tmp_path):
    copy = tmp_path / "given" / "net.pt"
    copy.parent.mkdir()
    shutil.copy(results / "own/seed-0/epochs/001/model.pt", copy)
    assert find_trained(copy).known is None
    shutil.copy(results / "own" / LABELLING, copy.parent)
    assert find_trained(copy).labelling.scales == (0.5,)
    (tmp_path / "linked.pt").symlink_to(results / "own/seed-0/epochs/001/model.pt")
    assert find_trained(tmp_path / "linked.pt").labelling.scales == (0.5,)


def test_a_run_has_its_object_networks_and_a_copy_has_none(results, tmp_path):
    assert find_trained(results / "own").object_networks() == []
    networks = [results / f"own/seed-10/objects/1/{i}-of-2.pt" for i in range(2)]
    networks[0].parent.mkdir(parents=True)
    for path in networks:
        path.touch()
    assert find_trained(results / "own").object_networks() == networks
    assert find_trained(results / "own/seed-10/epochs/001/model.pt").object_networks() == networks
    assert find_trained(results / "own/seed-0").object_networks() == []
    (tmp_path / "linked.pt").symlink_to(results / "own/seed-10/epochs/001/model.pt")
    assert find_trained(tmp_path / "linked.pt").object_networks() == networks
    copy = tmp_path / "copy" / "model.pt"
    copy.parent.mkdir()
    copy.touch()
    assert find_trained(copy).object_networks() == []


def test_networks_that_an_earlier_run_left_are_not_the_runs_own(results):
    """A run of other settings leaves its object networks and checkpoints beside those of the run of today."""
    of = {(turn, n): [results / f"own/seed-10/objects/{turn}/{i}-of-{n}.pt" for i in range(n)]
          for turn, n in ((1, 2), (1, 4), (2, 2))}  # fmt: skip
    for path in itertools.chain(*of.values()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def found(**objects):
        write(results / "own", settings("own", seeds=(10,), **objects))
        whole, single = find_trained(results / "own"), find_trained(results / "own/seed-10/epochs/002/model.pt")
        assert whole.object_networks() == single.object_networks()
        return whole.object_networks()

    assert found(folds=4) == of[1, 4]
    assert found(rounds=1) == of[1, 2]
    assert found(rounds=2) == of[2, 2]
    assert found(rounds=3) == of[2, 2]  # of a run that goes on: the last round that is whole
    assert found(folds=3) == found(mu=0) == []


def test_a_checkpoint_after_the_last_epoch_is_of_an_earlier_run(results):
    write(results / "own", settings("own", seeds=(10,), epochs=2))
    (results / "own/seed-10/epochs/002/model.pt").unlink()  # it is being made again
    assert find_trained(results / "own").checkpoint == results / "own/seed-10/epochs/001/model.pt"


def test_a_mistyped_path_names_what_is_near(results):
    with pytest.raises(StoreError, match=r"/oown: no such checkpoint; did you mean \S*/own\?"):
        find_trained(results / "oown")
    with pytest.raises(StoreError, match=r"did you mean \S*/own/seed-10/epochs/001/model.pt\?"):
        find_trained(results / "oown/seed-10/epochs/001/model.pt")
    with pytest.raises(StoreError, match=r"no such checkpoint$"):
        find_trained(results / "xyz")


@pytest.mark.parametrize(
    "change",
    [
        {"checkpoints_of": "../elsewhere"},
        {"seeds": []},
        {"epochs": "2"},
        {"more": 1},
        {"labelling": {"scales": []}},
        {"labelling": {"scales": [99.0]}},
        {"labelling": {"threads": 0}},
        {"labelling": {"crf": {}}},
        {"labelling": {"background_bias": float("nan")}},
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(results, change):
    (results / "own" / LABELLING).write_text(json.dumps(json.loads(settings("own")) | change))
    with pytest.raises(StoreError, match=r"own/labelling\.json: not a readable") as info:
        find_trained(results / "own")
    assert "\n" not in str(info.value)


def test_no_crf_is_a_setting_too(results):
    content = json.loads(settings("own"))
    content["labelling"]["crf"] = None
    write(results / "own", json.dumps(content))
    assert read_labelling(results / "own" / LABELLING).labelling.crf is None


def test_arguments_go_before_the_runs_settings(results, tmp_path):
    own = find_trained(results / "own").labelling
    assert override_labelling(own, None, None) == own
    assert override_labelling(own, [1.0], None).scales == (1.0,)
    assert override_labelling(own, None, 0.0).background_bias == 0
    assert override_crf(own) == own.crf
    assert override_crf(own, False) is None
    assert override_crf(Labelling()) is None
    assert override_crf(Labelling(), True) == crf_settings()
    over = tmp_path / "over.yaml"
    over.write_text("defaults: {inference: {crf: {bilateral_rgb: 40.0}}}")
    laid = override_crf(own, config=over)
    assert (laid.bilateral_rgb, laid.iterations) == (40.0, 3)  # the run's, but for what the file says


def test_who_asks_for_a_crf_gets_one_of_a_run_without_one(tmp_path):
    run, over = Labelling(crf=crf_settings().changed(iterations=0, bilateral_rgb=40.0)), tmp_path / "over.yaml"
    assert run.refining is None
    assert override_crf(run) is None
    assert override_crf(run, True) == crf_settings()
    over.write_text("defaults: {inference: {crf: {iterations: 2}}}")
    assert override_crf(run, config=over).iterations == override_crf(run, True, over).iterations == 2
    over.write_text("defaults: {inference: {crf: {iterations: 0}}}")
    with pytest.raises(ConfigError, match=r"over\.yaml: defaults\.inference\.crf\.iterations: 0 is no CRF"):
        override_crf(run, True, over)
