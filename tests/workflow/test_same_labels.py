"""What a run's page shows is what `predict`, `boxsup.load` and `export` give with its checkpoint, pixel for pixel."""

import json
import shutil

import numpy as np
import pytest
import yaml

import boxsup
from boxsup.catalogue.tables import read_catalogue
from boxsup.cli import main
from boxsup.image.files import read_image, read_mask
from boxsup.store.labels import Labels
from helpers.workflow_runs import RUN, TINY, copy_of, planned

pytestmark = pytest.mark.slow  # Snakemake runs

OWN = {"scales": [0.5, 1.0], "background_bias": -9.0}
CRF = {"bilateral_weight": 9.0, "bilateral_rgb": 30.0}


@pytest.fixture(scope="module")
def run(demo, tmp_path_factory, snakemake):
    """A run whose labelling is its own, and one that has its networks and another labelling."""
    folder = copy_of(demo, tmp_path_factory.mktemp("labels") / "run")
    tiny = yaml.safe_load(TINY.read_text())["experiments"]["demo_semi"]
    other = tiny | {"checkpoints_of": "demo_semi", "inference": {"scales": [1.5], "crf": tiny["inference"]["crf"]}}
    like = {"dataset": "demo", "train": "train", "val": "val", "supervision": {"masks": "masks", "boxes": "boxsup"}}
    rest = {"training": {"rate": 0.01, "crop": 64, "batch": 4, "scale": [0.9, 1.5], "threads": 2, "workers": 0}}
    other = like | other | rest | {"schedule": {"epochs": 6, "policy": "poly"}}
    own = {"demo_semi": {"inference": OWN | {"crf": CRF}}, "other": other}
    override = folder.parent / "own.yaml"
    override.write_text(yaml.safe_dump({"experiments": own}))
    paths = {"demo_semi": "seed-0/predictions/002.zarr", "other": "report.html"}
    targets = [f"results/{name}/{path}" for name, last in paths.items() for path in ("labelling.json", last)]
    jobs = planned(snakemake(folder, "--dry-run", targets[-1], configs=(TINY, override)).stdout)
    assert set(jobs) == {"labelling", "predictions", "evaluation", "trimap", "report"}
    snakemake(folder, *targets, configs=(TINY, override))
    return folder


def shown(run, experiment, stack="labels_crf"):
    return Labels(run / "results" / experiment / "seed-0/predictions/002.zarr", stack)


@pytest.fixture
def predicted(run, tmp_path, monkeypatch, capsys):
    """What `predict` gives of the evaluated images, by their ids, and what it says."""
    catalogue = read_catalogue(run / "results/data/demo/val")
    paths = [str(run / path) for path in catalogue.images["path"]]

    def predict(model, *options):
        main(["predict", *paths, "--model", str(model), "--out", str(tmp_path / "out"), *options])
        masks = {path.stem: read_mask(path) for path in (tmp_path / "out/masks").iterdir()}
        shutil.rmtree(tmp_path / "out")
        return masks, capsys.readouterr().err

    monkeypatch.chdir(tmp_path)
    return predict


def same(masks, maps):
    assert sorted(masks) == sorted(maps)
    return all(np.array_equal(masks[image], maps[image]) for image in masks)


@pytest.mark.parametrize("experiment", ["demo_semi", "other"])
def test_predict_gives_what_the_page_shows(run, predicted, experiment):
    masks, said = predicted(run / "results" / experiment)
    assert same(masks, shown(run, experiment))
    assert "labelling.json" not in said
    assert same(predicted(run / "results" / experiment / "seed-0", "--no-crf")[0], shown(run, experiment, "labels"))


def test_a_page_of_anothers_networks_shows_the_masks_that_they_learnt(run):
    assert f"results/{RUN}/labels/002.zarr" in (run / "results/other/report.html").read_text()


def test_the_runs_differ_in_labels(run):
    one, other = shown(run, "demo_semi"), shown(run, "other")
    assert any((one[image] != other[image]).any() for image in one)


def test_a_model_alone_is_plain_and_says_so_and_with_its_file_beside_it_is_the_pages(run, predicted, tmp_path):
    shutil.copy(run / "results/demo_semi/seed-0/epochs/002/model.pt", tmp_path / "copied.pt")
    masks, said = predicted(tmp_path / "copied.pt")
    assert not same(masks, shown(run, "demo_semi"))
    [line] = [line for line in said.splitlines() if "copied.pt" in line]
    assert "labels are plain (scale 1, no bias, no CRF)" in line
    shutil.copy(run / "results/demo_semi/labelling.json", tmp_path)
    assert same(predicted(tmp_path / "copied.pt")[0], shown(run, "demo_semi"))


def test_a_flag_goes_before_the_run(run, predicted, tmp_path):
    model = run / "results/demo_semi/seed-0/epochs/002/model.pt"
    options = ["--scales", "0.5", "1", "--background-bias", "-9", "--no-crf", "--threads", "2"]
    shutil.copy(model, tmp_path / "alone.pt")
    assert same(predicted(model)[0], shown(run, "demo_semi"))
    assert same(predicted(tmp_path / "alone.pt", *options)[0], shown(run, "demo_semi", "labels"))
    other, _ = predicted(model, "--scales", "1", "--background-bias", "0", "--no-crf")
    assert not same(other, shown(run, "demo_semi", "labels"))


@pytest.mark.parametrize("experiment", ["demo_semi", "other"])
def test_from_python_it_is_the_same(run, experiment):
    model = boxsup.load(run / "results" / experiment)
    catalogue = read_catalogue(run / "results/data/demo/val")
    for row in catalogue.rows():
        path = run / row.path
        assert np.array_equal(model.predict(path).labels, shown(run, experiment)[row.image])
        assert np.array_equal(model.predict(path, crf=False).labels, shown(run, experiment, "labels")[row.image])


def test_an_exported_file_has_scales_and_bias_in_its_graph_and_says_what_is_left(run, tmp_path):
    import torch

    out, picture = tmp_path / "m.pt2", read_image(next(iter((run / "results/data/demo/tree/JPEGImages").glob("val*"))))
    size = [str(side) for side in picture.shape[:2]]
    main(["export", "--model", str(run / "results/demo_semi"), "--format", "torch", "--size", *size, "--out", str(out)])
    facts = json.loads((tmp_path / "m.pt2.json").read_text())
    assert facts["labelling"]["computed"] == {"scales": [0.5, 1.0], "background_bias": -9.0}
    assert facts["labelling"]["left_to_do"]["crf"]["bilateral_rgb"] == 30
    assert facts["labelling"]["left_to_do"]["megapixels"] == 0.31
    inside = {"boxsup": ""}
    program = torch.export.load(out, extra_files=inside).module()
    assert json.loads(inside["boxsup"])["labelling"] == facts["labelling"]
    mean, std = (np.array(facts["normalisation"][name], np.float32) for name in ("mean", "std"))
    image = ((picture.astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1)[None]
    scores = program(torch.from_numpy(image)).detach().numpy()[0]
    expected = boxsup.load(run / "results/demo_semi").predict(picture, crf=False, scores=True)
    np.testing.assert_allclose(scores, expected.scores, atol=1e-3)


def test_masks_ask_the_network_at_the_scales_of_the_runs_boxes(run, tmp_path):
    (tmp_path / "images").mkdir()
    tree = run / "results/data/demo/tree"
    shutil.copy(tree / "JPEGImages/val_0000.jpg", tmp_path / "images")
    (tmp_path / "boxes").mkdir()
    shutil.copy(tree / "Annotations/val_0000.xml", tmp_path / "boxes")
    folder = tmp_path / "net"
    folder.mkdir()
    shutil.copy(run / "results/demo_semi/seed-0/epochs/002/model.pt", folder)
    settings = json.loads((run / "results/demo_semi/labelling.json").read_text())
    settings["labelling"]["update_scales"] = [0.5]
    keys = {}
    for name, file, options in (("run", True, []), ("said", False, ["--scales", "0.5"])):
        (folder / "labelling.json").unlink(missing_ok=True)
        if file:
            (folder / "labelling.json").write_text(json.dumps(settings))
        own = ["--images", tmp_path / "images", "--boxes", tmp_path / "boxes", "--model", folder, "--workers", "1"]
        own += ["--proposals", "selective_search", "--out", tmp_path / name, *options]
        main(["masks", *map(str, own)])
        keys[name] = json.loads((tmp_path / name / "parts/val_0000.json").read_text())["key"]
    assert keys["run"] == keys["said"]
