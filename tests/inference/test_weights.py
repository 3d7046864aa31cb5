"""Exported weights: `boxsup.load` takes them as it takes the checkpoint, and others find what they look for."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import yaml

import boxsup
from boxsup.cli import main
from boxsup.errors import StoreError
from boxsup.inference.labelling import Labelling, ObjectNetworks, RunLabelling, format_labelling
from boxsup.network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from boxsup.network.images import Normalisation
from boxsup.report.card import Measured, measured_around, model_card
from helpers.networks import network_that_has_seen
from helpers.small_split import CLASSES, draw

safetensors = pytest.importorskip("safetensors")

OWN = Normalisation((0.5, 0.4, 0.3), (0.3, 0.2, 0.25))
EVALUATION = """class,iou,iou_crf,truth_pixels,images,objects,classes,note
background,0.9,,10,4,8,3,
disc,0.5,,10,4,8,3,
square,,,0,4,8,3,
mean,0.7,,20,4,8,3,
"""
MADE = {"generation": 3, "every": 1, "objects": ObjectNetworks(rounds=0, folds=2)}
QUALITY = "generation,images,miou,boxes\n3,5,0.654321,12\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A checkpoint in the results of a run, with its scores and those of its masks."""
    experiment = tmp_path_factory.mktemp("results") / "own"
    folder = experiment / "seed-7"
    network = network_that_has_seen(draw(seed, 48, 40)[0] for seed in range(2))
    start = {"file": "begin.pth", "sha256": "ab" * 32}
    save_checkpoint(folder / "epochs/003/model.pt", Checkpoint("mobilenet_v2", CLASSES, network, 3, start, OWN))
    labelling = Labelling(scales=(0.5, 1.0), background_bias=-0.5, update_scales=(1.0,), crf=None, threads=1)
    known = RunLabelling(experiment="own", checkpoints_of="", seeds=(7, 8), epochs=3, labelling=labelling, **MADE)
    (experiment / "labelling.json").write_text(format_labelling(known))
    for name, text in [("evaluation/003.csv", EVALUATION), ("labels/003.csv", QUALITY)]:
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    return folder


def export(run, form, out):
    main(["export", "--model", str(run / "epochs/003/model.pt"), "--format", form, "--out", str(out)])


@pytest.fixture(scope="module")
def hub(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub") / "model"
    export(run, "hub", folder)
    return folder


def test_the_folder_labels_images_as_the_run_does(run, hub):
    pixels = draw(5, 60, 50)[0]
    expected = boxsup.load(run).predict(pixels, scores=True)
    for path in (hub, hub / "model.safetensors"):
        model = boxsup.load(path)
        assert model.classes == CLASSES
        assert model.labelling == boxsup.load(run).labelling
        np.testing.assert_array_equal(model.predict(pixels, scores=True).scores, expected.scores)
    ours, theirs = (load_checkpoint(path) for path in (run / "epochs/003/model.pt", hub / "model.safetensors"))
    assert (ours.epoch, ours.pretrained, ours.normalisation) == (theirs.epoch, theirs.pretrained, theirs.normalisation)


def test_the_hub_finds_what_it_reads(hub):
    assert sorted(path.name for path in hub.glob("[!.]*")) == ["README.md", "config.json", "model.safetensors"]
    config = json.loads((hub / "config.json").read_text())
    assert config["id2label"] == {"0": "background", "1": "disc", "2": "square"}
    assert config["label2id"]["square"] == 2
    head = yaml.safe_load((hub / "README.md").read_text().split("---")[1])
    assert head["pipeline_tag"] == "image-segmentation"
    assert "license" not in head  # it is the user's to choose
    hub_library = pytest.importorskip("huggingface_hub")
    card = hub_library.ModelCard.load(hub / "README.md")
    assert card.data.pipeline_tag == "image-segmentation"


def test_the_card_has_figures_of_the_results_and_no_others(hub):
    card = (hub / "README.md").read_text()
    assert "| Seeds of the experiment | 7, 8 |" in card
    assert "| Run | experiment own, seed 7 |" in card
    assert "| Started from | begin.pth (sha256 abababab" in card
    assert "mean IoU 65.4 over 5 images with true masks" in card
    assert "| class | IoU |\n" in card  # no column for a CRF that was not measured
    assert "| square | – |" in card
    assert "| mean | 70.0 |" in card


@pytest.mark.parametrize(("refined", "columns"), [(False, 1), (True, 2)])
def test_a_card_has_scores_with_a_crf_where_there_is_one(refined, columns):
    facts = {"network": "fcn8s", "epoch": 2, "classes": ["background", "a"], "pretrained": {}, "normalisation": {}}
    facts |= {"labelling": {}, "versions": {}}
    table = pd.read_csv(io.StringIO(EVALUATION)).assign(iou_crf=[0.9, 0.5, None, 0.7])
    card = model_card(facts, Measured(evaluation=table), refined)
    assert f"| mean |{' 70.0 |' * columns}\n" in card
    assert ("dense CRF" in card.split("## Measured")[1].split("##")[0]) == (columns == 2)


def test_a_card_tells_of_the_generation_that_the_network_has_learned_from(run, tmp_path):
    folder = tmp_path / "results/own/seed-7"
    known = RunLabelling(
        experiment="own",
        checkpoints_of="",
        seeds=(7,),
        epochs=5,
        labelling=Labelling(),
        generation=5,
        every=4,
        objects=ObjectNetworks(rounds=0, folds=2),
    )
    folder.mkdir(parents=True)
    (folder.parent / "labelling.json").write_text(format_labelling(known))
    for generation in (1, 3, 5):  # the third is of an earlier run
        (folder / f"labels/{generation:03d}.zarr").mkdir(parents=True)
        (folder / f"labels/{generation:03d}.csv").write_text(QUALITY.replace("3,5", f"{generation},5"))
    for epoch, generation in ((1, 1), (4, 1), (5, 5)):
        checkpoint = folder / f"epochs/{epoch:03d}/model.pt"
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        assert measured_around(checkpoint, epoch).quality["generation"] == generation


def test_a_card_of_a_copy_says_that_nothing_was_measured(run, tmp_path):
    facts = json.loads(json.dumps({
        "network": "fcn8s", "epoch": 2, "classes": ["background", "a|b"], "pretrained": {}, "normalisation": {},
        "labelling": {}, "versions": {},
    }))  # fmt: skip
    (tmp_path / "copy.pt").write_bytes((run / "epochs/003/model.pt").read_bytes())
    assert measured_around(tmp_path / "copy.pt", 3) == Measured()
    card = model_card(facts, Measured(), refined=False)
    assert "random weights" in card
    assert "a\\|b" in card
    assert "Not measured: other data than this run's" in card
    assert "the quality of its labels" in card
    assert "IoU" not in card


def test_equal_networks_give_equal_files_that_others_read(run, tmp_path):
    for name in ("a", "b"):
        export(run, "safetensors", tmp_path / name / "m.safetensors")
    assert (tmp_path / "a/m.safetensors").read_bytes() == (tmp_path / "b/m.safetensors").read_bytes()
    with safetensors.safe_open(tmp_path / "a/m.safetensors", framework="np") as file:
        facts = json.loads(file.metadata()["boxsup"])
        assert "features.0.0.weight" in file.keys()  # noqa: SIM118 - not a mapping
    assert facts["classes"] == list(CLASSES)
    assert facts["labelling"]["background_bias"] == -0.5
    beside = json.loads((tmp_path / "a/m.safetensors.json").read_text())
    assert {key: beside[key] for key in facts} == facts


def test_damage_and_other_files_are_one_line(run, hub, tmp_path):
    damaged = bytearray((hub / "model.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(damaged)
    (tmp_path / "config.json").write_bytes((hub / "config.json").read_bytes())
    with pytest.raises(StoreError, match=r"damaged, or of another export: config\.json has another sha256"):
        boxsup.load(tmp_path)
    (tmp_path / "other.safetensors").write_bytes(b"not one")
    (tmp_path / "config.json").unlink()
    with pytest.raises(StoreError, match="not weights that boxsup exported"):
        load_checkpoint(tmp_path / "other.safetensors")
