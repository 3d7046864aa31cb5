"""The command `predictions`, from a catalogue and a checkpoint to a store of label maps."""

import hashlib
import json

import numpy as np
import pytest
import torch
from torch import nn

from boxsup.catalogue.tables import read_catalogue
from boxsup.cli import main
from boxsup.commands.predictions import predict
from boxsup.config.build import parse
from boxsup.config.inference import CrfSettings
from boxsup.image.files import read_image
from boxsup.inference.crf import dense_crf
from boxsup.inference.scores import Predictor
from boxsup.machine.workers import AHEAD
from boxsup.network import build_network
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from boxsup.network.images import normalise
from boxsup.store.labels import Labels
from helpers.small_split import CLASSES, draw, write_split

CRF = json.dumps(
    {
        "iterations": 3,
        "spatial_xy": 3,
        "spatial_weight": 3,
        "bilateral_xy": 60,
        "bilateral_rgb": 8,
        "bilateral_weight": 4,
        "least_probability": 0.1,
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Seven pictures, a checkpoint, and their predictions by one worker and by two."""
    folder = tmp_path_factory.mktemp("predictions") / "run"
    write_split(folder, 7)
    torch.manual_seed(2)
    network = build_network("mobilenet_v2", 3)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 1.0
        network(torch.stack([normalise(draw(seed)[0]) for seed in range(4)]))  # statistics: scores then differ
    save_checkpoint(folder / "model.pt", Checkpoint("mobilenet_v2", CLASSES, network, 0, {}))
    for workers in (1, 2):
        arguments = ["predictions", "--catalogue", str(folder / "catalogue"), "--model", str(folder / "model.pt")]
        arguments += ["--inference", f'{{"threads": 1, "crf": {CRF}}}', "--workers", str(workers)]
        with pytest.MonkeyPatch.context() as patch:  # on any machine
            patch.setattr("boxsup.commands.workers_argument.processors", lambda: 2)
            main([*arguments, "--out", str(folder / f"{workers}.zarr")])
    return folder


@pytest.mark.slow
def test_the_number_of_workers_changes_no_byte(folder):
    one, two = (
        {path.relative_to(store): path.read_bytes() for path in store.rglob("*") if path.is_file()}
        for store in (folder / "1.zarr", folder / "2.zarr")
    )
    assert one == two
    assert any("labels_crf" in str(path) for path in one)


def test_both_maps_of_every_image_come_back_in_order(folder):
    catalogue = read_catalogue(folder / "catalogue")
    plain, refined = Labels(folder / "2.zarr"), Labels(folder / "2.zarr", "labels_crf")
    assert list(plain) == list(refined) == catalogue.ids
    predictor, settings = Predictor(folder / "model.pt", 1), parse(CrfSettings, CRF)
    differing, seen = 0, set()
    for row in catalogue.rows():
        scores = predictor.log_probabilities(read_image(row.path)).cpu().numpy()
        np.testing.assert_array_equal(plain[row.image], scores.argmax(axis=0))
        np.testing.assert_array_equal(refined[row.image], dense_crf(read_image(row.path), scores, settings))
        differing += not np.array_equal(plain[row.image], refined[row.image])
        seen |= set(np.unique(plain[row.image]))
    assert differing > 0
    assert len(seen) > 1


def test_the_store_says_what_it_was_made_with(folder):
    attributes = Labels(folder / "1.zarr").attributes
    assert attributes["classes"] == list(CLASSES)
    assert attributes["model"] == hashlib.sha256((folder / "model.pt").read_bytes()).hexdigest()
    assert attributes["crf"]["bilateral_rgb"] == 8
    assert {"boxsup", "torch", "pydensecrf2"} <= set(attributes["versions"])


def test_few_images_wait_for_the_crf(folder, monkeypatch):
    catalogue = read_catalogue(folder / "catalogue")
    predictor, scored = Predictor(folder / "model.pt", 1), []
    scores = predictor.log_probabilities
    monkeypatch.setattr(predictor, "log_probabilities", lambda image: scored.append(image) or scores(image))
    results = predict(catalogue, predictor, parse(CrfSettings, CRF), 1)
    next(results)
    assert len(scored) <= 2 + AHEAD  # at the worker, and waiting for it or in the network
    assert len(list(results)) == 6
