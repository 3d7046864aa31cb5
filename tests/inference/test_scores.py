import numpy as np
import pytest
import torch

from boxsup.errors import StoreError
from boxsup.inference.scores import Predictor
from boxsup.network import build_network
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from helpers.networks import network_that_has_seen
from helpers.small_split import CLASSES, draw


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("scores") / "model.pt"
    save_checkpoint(path, Checkpoint("mobilenet_v2", CLASSES, build_network("mobilenet_v2", 3), 0, {}))
    return path


@pytest.mark.parametrize(("height", "width"), [(33, 50), (48, 47), (1, 5)])
def test_scores_are_log_probabilities_at_full_size(path, height, width):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    scores = Predictor(path, 1).log_probabilities(image)
    assert scores.shape == (3, height, width)
    assert scores.dtype == torch.float32
    assert scores.is_contiguous()  # as the dense CRF needs them
    torch.testing.assert_close(scores.exp().sum(dim=0), torch.ones(height, width, device=scores.device))


def test_scores_are_the_networks_in_evaluation_worked_out_in_numpy(path):
    image = draw(0, 40, 56)[0]
    torch.manual_seed(5)
    network = build_network("mobilenet_v2", 3).eval()
    scaled = (image / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.inference_mode():
        logits = network(torch.from_numpy(scaled.transpose(2, 0, 1)[None]).float())[0].numpy()
    assert logits.shape == (3, 3, 4)
    expected = np.stack([enlarge(channel, 40, 56) for channel in logits])
    expected -= np.log(np.exp(expected).sum(axis=0))
    got = Predictor(path, 1).log_probabilities(image).cpu().numpy()
    np.testing.assert_allclose(got, expected, atol=1e-4)


def enlarge(channel, height, width):
    """Bilinear interpolation between logits on every 16th pixel, the borders held, one axis at a time."""

    def along(size, count):
        return np.arange(size) / 16, np.arange(count)

    rows, known = along(height, channel.shape[0])
    channel = np.stack([np.interp(rows, known, column) for column in channel.T], axis=1)
    columns, known = along(width, channel.shape[1])
    return np.stack([np.interp(columns, known, row) for row in channel])


def test_the_probabilities_of_several_scales_are_averaged(tmp_path):
    network = network_that_has_seen(draw(seed)[0] for seed in range(4))
    path = tmp_path / "model.pt"
    save_checkpoint(path, Checkpoint("mobilenet_v2", CLASSES, network, 0, {}))
    image = draw(3, 40, 56)[0]
    each = [Predictor(path, 1, scales=[scale]).log_probabilities(image).exp() for scale in (0.5, 1.0, 1.5)]
    assert not torch.allclose(each[0], each[1], atol=1e-3)
    together = Predictor(path, 1, scales=[0.5, 1.0, 1.5]).log_probabilities(image).exp()
    torch.testing.assert_close(together, torch.stack(each).mean(dim=0))


def test_an_image_is_seen_at_its_scale(path, monkeypatch):
    predictor, sizes = Predictor(path, 1, scales=[0.8, 1.0, 1.2]), []
    model = predictor._model.forward
    monkeypatch.setattr(predictor._model, "forward", lambda batch: sizes.append(tuple(batch.shape[2:])) or model(batch))
    assert predictor.log_probabilities(draw(3, 40, 56)[0]).shape == (3, 40, 56)
    assert sizes == [(32, 45), (40, 56), (48, 67)]
    assert Predictor(path, 1, scales=[0.1]).log_probabilities(draw(3, 40, 56)[0][:3, :3]).shape == (3, 3, 3)


@pytest.mark.parametrize("scales", [[1.0], [0.5, 1.0]])
def test_a_bias_multiplies_the_odds_of_the_background(path, scales):
    image = draw(3, 40, 56)[0]
    plain = Predictor(path, 1, scales=scales).log_probabilities(image).exp()
    biased = Predictor(path, 1, scales=scales, background_bias=float(np.log(0.5))).log_probabilities(image).exp()
    torch.testing.assert_close(biased.sum(dim=0), torch.ones_like(plain[0]))
    torch.testing.assert_close(biased[1] / biased[0], 2 * plain[1] / plain[0])
    torch.testing.assert_close(biased[1] / biased[2], plain[1] / plain[2])


def test_scores_are_the_same_to_the_last_bit_again(path):
    image = draw(1)[0]
    one, other = (Predictor(path, 1).log_probabilities(image) for _ in range(2))
    assert torch.equal(one, other)


def test_the_classes_come_with_the_checkpoint(path, tmp_path):
    assert Predictor(path, 1).classes == CLASSES
    with pytest.raises(StoreError, match="no such checkpoint"):
        Predictor(tmp_path / "model.pt", 1)


def test_images_ahead_are_scored_as_one_alone_is(path, monkeypatch):
    images = [draw(seed, 40 + seed, 56)[0] for seed in range(4)]
    predictor, threads = Predictor(path, 3), []
    model = predictor._model.forward
    count = torch.get_num_threads
    monkeypatch.setattr(predictor._model, "forward", lambda batch: threads.append(count()) or model(batch))
    pairs = list(predictor.score_images(iter(images)))
    for (pixels, scores), image in zip(pairs, images, strict=True):
        np.testing.assert_array_equal(pixels, image)
        np.testing.assert_array_equal(scores, predictor.log_probabilities(image).cpu().numpy())
    assert threads == [3] * 8
