import hashlib

import cv2
import numpy as np
import pytest

from boxsup.errors import StoreError
from boxsup.objects import network as networks
from boxsup.objects.crops import crops_of
from boxsup.objects.network import SHIPPED, SHIPPED_SHA256, load_network, load_shipped, start_network
from boxsup.objects.training import object_maps


def test_the_shipped_network_is_that_of_the_card():
    assert hashlib.sha256(SHIPPED.read_bytes()).hexdigest() == SHIPPED_SHA256
    card = SHIPPED.with_name("README.md").read_text()
    network, made = load_network(SHIPPED)
    assert SHIPPED_SHA256 in card
    assert f"{sum(parameter.numel() for parameter in network.parameters()):,}" in card
    assert made["start"]["sha256"] in card
    assert f"it learns from {made['boxes']:,}" in card
    assert f"{made['settings']['epochs']} epochs" in card
    assert made["versions"]["torch"] in card
    assert SHIPPED.stat().st_size < 10e6


def test_the_shipped_network_sees_an_object_it_has_never_seen():
    draws = np.random.default_rng(0)
    image = np.clip(draws.normal(90, 8, (200, 200, 3)), 0, 255).astype(np.uint8)
    image[..., 1] += 40  # a green ground
    truth = np.zeros((200, 200), np.uint8)
    cv2.circle(truth, (100, 100), 50, 1, -1)
    image[truth > 0] = draws.normal((200, 60, 50), 10, (int(truth.sum()), 3)).clip(0, 255)
    network, made = load_shipped()
    size = made["settings"]["size"]
    [seen] = object_maps(network, crops_of(image, np.array([[50, 50, 151, 151]]), size), size) > 0.5
    inside = cv2.resize(truth[50:151, 50:151], (size, size), interpolation=cv2.INTER_AREA) > 0
    assert (seen & inside).sum() / (seen | inside).sum() > 0.9


def test_training_may_start_from_the_shipped_network():
    network, start = start_network("shipped", 0)
    assert start["sha256"] == SHIPPED_SHA256
    np.testing.assert_array_equal(network.score.weight.detach(), load_shipped()[0].score.weight.detach())


def test_a_damaged_installation_says_so(tmp_path, monkeypatch):
    (tmp_path / "network.pt").write_bytes(SHIPPED.read_bytes()[:-1])
    monkeypatch.setattr(networks, "SHIPPED", tmp_path / "network.pt")
    with pytest.raises(StoreError, match="install boxsup again"):
        load_shipped()
