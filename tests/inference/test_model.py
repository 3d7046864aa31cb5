"""`boxsup.load(path).predict(image)`."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import boxsup
from boxsup.errors import BoxSupError, ConfigError, DataError, StoreError
from boxsup.image.files import read_mask
from boxsup.image.palette import overlay
from boxsup.inference.crf import dense_crf
from boxsup.inference.model import crf_settings
from boxsup.inference.scores import Predictor
from boxsup.network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from boxsup.network.grid import enlarge
from boxsup.network.images import Normalisation
from helpers.networks import network_that_has_seen
from helpers.small_split import CLASSES, draw

PICTURE = draw(5)[0]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    network = network_that_has_seen(draw(seed)[0] for seed in range(4))
    file = tmp_path_factory.mktemp("model") / "model.pt"
    save_checkpoint(file, Checkpoint("mobilenet_v2", CLASSES, network, 3, {}))
    return file


@pytest.fixture(scope="module")
def model(path):
    return boxsup.load(path)


def test_labels_are_the_most_likely_and_names_stand_by_label(path, model):
    prediction = model.predict(PICTURE, scores=True)
    expected = Predictor(path, None).log_probabilities(PICTURE).cpu().numpy()
    np.testing.assert_array_equal(prediction.scores, expected)
    np.testing.assert_array_equal(prediction.labels, expected.argmax(axis=0))
    assert prediction.labels.dtype == np.uint8
    assert prediction.names == model.classes == CLASSES
    assert len(np.unique(prediction.labels)) > 1


def test_grey_pixels_and_pillows_images_are_taken(model):
    grey = PICTURE[..., 0]
    expected = model.predict(np.stack([grey] * 3, axis=-1)).labels
    for image in (grey, Image.fromarray(grey)):
        np.testing.assert_array_equal(model.predict(image).labels, expected)


def test_a_model_and_its_labels_show_themselves(path, model):
    assert repr(model) == f"Model('{path}', mobilenet_v2, 3 classes: {', '.join(CLASSES)})"
    assert all(f">{name}<" in model._repr_html_() for name in CLASSES[1:])
    prediction = model.predict(PICTURE)
    shares = prediction.shares
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    for name, share in shares.items():
        assert share == (prediction.labels == CLASSES.index(name)).mean()
        assert f"{name} {100 * share:.1f} %" in repr(prediction)
        assert f">{100 * share:.1f}<" in prediction._repr_html_()
    np.testing.assert_array_equal(prediction.overlay(), overlay(PICTURE, prediction.labels))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(prediction._repr_png_()))), prediction.overlay())


def test_labels_are_saved_by_the_ending(model, tmp_path):
    prediction = model.predict(PICTURE)
    np.testing.assert_array_equal(read_mask(prediction.save(tmp_path / "a.png")), prediction.labels)
    with Image.open(prediction.save(tmp_path / "a.jpg")) as shown:
        assert shown.size == PICTURE.shape[1::-1]
    (tmp_path / "mine.png").write_bytes(b"mine")
    for name, message in (("a.tif", "expected a name that ends in"), ("mine.png", "pass overwrite=True")):
        with pytest.raises(BoxSupError, match=message):
            prediction.save(tmp_path / name)


def test_scores_are_probabilities_and_given_on_request_only(model):
    np.testing.assert_allclose(np.exp(model.predict(PICTURE, scores=True).scores).sum(axis=0), 1, atol=1e-5)
    assert model.predict(PICTURE).scores is None


def test_a_file_and_its_pixels_give_the_same(model, tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    np.testing.assert_array_equal(model.predict(tmp_path / "a.png").labels, model.predict(PICTURE).labels)


def test_the_crf_is_that_of_the_configuration_or_ones_own(model):
    scores = model.predict(PICTURE, scores=True).scores
    own = crf_settings().changed(iterations=1, bilateral_rgb=40.0)
    for given, settings in ((True, crf_settings()), (own, own)):
        np.testing.assert_array_equal(model.predict(PICTURE, crf=given).labels, dense_crf(PICTURE, scores, settings))
    assert (model.predict(PICTURE, crf=True).labels != model.predict(PICTURE).labels).any()


def test_a_run_with_no_iteration_has_no_crf_until_one_is_asked_for(model, monkeypatch):
    scores, none = model.predict(PICTURE, scores=True).scores, crf_settings().changed(iterations=0)
    monkeypatch.setattr(model, "labelling", model.labelling.changed(crf=none))
    assert "without CRF" in model._repr_html_()
    for crf in (None, False, none):
        np.testing.assert_array_equal(model.predict(PICTURE, crf=crf).labels, scores.argmax(axis=0))
    refined = dense_crf(PICTURE, scores, crf_settings())
    np.testing.assert_array_equal(model.predict(PICTURE, crf=True).labels, refined)


def test_probabilities_at_scales_are_averaged(model):
    both, *each = (
        np.exp(model.predict(PICTURE, scales=scales, scores=True).scores) for scales in ((1.0, 0.5), (1.0,), (0.5,))
    )
    np.testing.assert_allclose(both, np.mean(each, axis=0), atol=1e-6)
    assert np.abs(each[0] - each[1]).max() > 1e-3


def test_the_more_the_background_is_held_back_the_less_of_it_is_seen(model):
    shares = [(model.predict(PICTURE, background_bias=bias).labels == 0).mean() for bias in (-9.0, -0.1, 0.0, 0.1, 9.0)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    with pytest.raises(ConfigError, match="background_bias: expected a number, got nan"):
        model.predict(PICTURE, background_bias=float("nan"))


@torch.inference_mode()
def test_images_are_normalised_as_the_checkpoint_says(path, model, tmp_path):
    own = Normalisation((0.5, 0.25, 0.125), (1.0, 2.0, 0.5))
    checkpoint = replace(load_checkpoint(path), normalisation=own)
    save_checkpoint(tmp_path / "own.pt", checkpoint)
    taken = (PICTURE.astype(np.float32) / 255 - np.float32(own.mean)) / np.float32(own.std)
    network = checkpoint.model.eval()
    logits = network(torch.from_numpy(taken.transpose(2, 0, 1))[None])
    expected = torch.log_softmax(enlarge(logits, PICTURE.shape[:2], network.grid), dim=1)
    got = boxsup.load(tmp_path / "own.pt").predict(PICTURE, scores=True).scores
    np.testing.assert_allclose(got, expected[0].numpy(), atol=1e-4)
    assert np.abs(got - model.predict(PICTURE, scores=True).scores).max() > 0.1


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((4, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
        np.broadcast_to(np.uint8(0), (2**16, 2, 3)),
        "nowhere.png",
    ],
)
def test_what_is_no_image_is_said(model, image):
    with pytest.raises(DataError) as info:
        model.predict(image)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ({"crf": "yes"}, "crf: expected True, False, None or a CrfSettings, got 'yes'"),
        ({"background_bias": "x"}, "background_bias: expected a number, got 'x'"),
        ({"megapixels": "x"}, "megapixels: expected a number, got 'x'"),
        ({"tile": "x"}, "tile: expected a number, got 'x'"),
        ({"tile": 100.5}, "tile: expected .* got 100.5"),
        ({"tile": float("inf")}, "tile: expected .* got inf"),
    ],
)
def test_an_argument_of_another_kind_is_one_line(model, mistake, said):
    with pytest.raises(ConfigError, match=said):
        model.predict(PICTURE, **mistake)


@pytest.mark.parametrize("scales", [(), (0.0,), (-1.0,), (5.0,), (float("nan"),), 1.0, "11", ["1"]])
def test_scales_out_of_range_are_refused(model, scales):
    with pytest.raises(ConfigError, match="scales: expected"):
        model.predict(PICTURE, scales=scales)


@pytest.mark.parametrize("name", ["model.onnx", "model.PT2"])
def test_an_exported_model_is_not_called_damaged(tmp_path, name):
    (tmp_path / name).write_bytes(b"what other programs run")
    with pytest.raises(StoreError, match=r"an exported model, which other programs run; give the model\.pt"):
        boxsup.load(tmp_path / name)


def test_what_is_no_checkpoint_is_said(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"PK")
    for path in (tmp_path / "model.pt", tmp_path / "nowhere.pt", tmp_path):
        with pytest.raises(StoreError) as info:
            boxsup.load(path)
        assert isinstance(info.value, BoxSupError)
