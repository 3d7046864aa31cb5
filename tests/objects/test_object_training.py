import numpy as np
import pytest
import torch

from boxsup.config.fields import defaults_of
from boxsup.config.objects import LEAST_SIDE, ObjectNetSettings
from boxsup.errors import ConfigError, StoreError
from boxsup.network.checkpoint import save
from boxsup.objects.codes import OBJECT, UNKNOWN
from boxsup.objects.crops import crop_side
from boxsup.objects.network import FROZEN, load_network, round_weights, save_network, start_network
from boxsup.objects.training import batch_of, object_loss, object_maps, train_network

SIZE = 25
SETTINGS = ObjectNetSettings(
    **{**defaults_of(ObjectNetSettings), "size": SIZE, "batch": 8, "weights": "none", "epochs": 30, "steps": 0}
)


def discs(count, seed=0):
    """Bright discs of random sizes on dark ground, and their targets."""
    draws, side = np.random.default_rng(seed), crop_side(SIZE)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    inside = np.hypot(x, y) < draws.uniform(4, 10, count)[:, None, None]
    crops = np.where(inside[..., None], 200, 60) + draws.integers(-20, 20, (count, side, side, 3))
    return crops.astype(np.uint8), (inside * OBJECT).astype(np.uint8)


def same_weights(one, two):
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return all(torch.equal(first, second) for first, second in pairs)


def trained(settings=SETTINGS, crops=None, targets=None):
    own_crops, own_targets = discs(32)
    network, _ = start_network(settings.weights, 0)
    losses = []
    train_network(
        network,
        own_crops if crops is None else crops,
        own_targets if targets is None else targets,
        settings,
        0,
        lambda step, steps, loss: losses.append(loss),
    )
    return network, losses


@pytest.mark.slow
def test_a_network_learns_discs_and_finds_new_ones():
    network, losses = trained(SETTINGS.changed(rate=0.01))
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])
    crops, targets = discs(16, seed=1)
    margin = (crop_side(SIZE) - SIZE) // 2
    truth = targets[:, margin:-margin, margin:-margin] > 0
    found = object_maps(network, crops, SIZE) > 0.5
    assert (found & truth).sum() / (found | truth).sum() > 0.7


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not():
    settings = SETTINGS.changed(epochs=1)
    (one, _), (two, _) = trained(settings), trained(settings)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


def test_nothing_to_learn_from_changes_nothing():
    settings = SETTINGS.changed(epochs=1)
    network, losses = trained(settings, *(values[:0] for values in discs(1)))
    fresh, _ = start_network("none", 0)
    assert losses == []
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), fresh.state_dict().values(), strict=True)
    )


def test_few_boxes_are_seen_more_often_up_to_four_times():
    crops, targets = discs(16)  # two batches
    for epochs, steps, expected in ((2, 0, 4), (2, 4, 4), (2, 5, 6), (2, 100, 16), (3, 100, 24)):
        assert len(trained(SETTINGS.changed(epochs=epochs, steps=steps), crops, targets)[1]) == expected
    assert trained(SETTINGS.changed(epochs=2, steps=100), crops[:0], targets[:0])[1] == []


def test_fewer_boxes_than_a_batch_are_one_batch():
    crops, targets = discs(3)
    assert len(trained(SETTINGS.changed(epochs=2), crops, targets)[1]) == 2


def test_a_single_crop_of_the_least_size_is_a_batch():
    assert SETTINGS.changed(size=LEAST_SIDE).size == SIZE
    assert len(trained(SETTINGS.changed(epochs=2, batch=1), *discs(1))[1]) == 2
    with pytest.raises(ConfigError, match="size: expected a number of 25 or more, got 24"):
        SETTINGS.changed(size=LEAST_SIDE - 1)
    side = crop_side(LEAST_SIDE - 1)
    with pytest.raises(ValueError, match="more than 1 value per channel"):  # so the bound is no higher than need be
        start_network("none", 0)[0].train()(torch.zeros(1, 3, side, side))


@pytest.mark.parametrize("weights", ["shipped", "none"])
def test_the_first_blocks_keep_their_weights_if_they_have_learned(weights):
    network, _ = trained(SETTINGS.changed(epochs=1, weights=weights))
    fresh, _ = start_network(weights, 0)
    for name, value in fresh.encoder.state_dict().items():
        kept = weights != "none" and int(name.split(".")[0]) < FROZEN
        assert torch.equal(value, network.encoder.state_dict()[name]) == kept or "num_batches" in name, name
    assert not torch.equal(fresh.score.weight, network.score.weight)


def test_an_unknown_pixel_teaches_nothing():
    logits = torch.tensor([[[3.0, -2.0]]], requires_grad=True)
    targets = np.array([[[UNKNOWN, OBJECT]]], np.uint8)
    _, aims = batch_of(np.zeros((1, 1, 2, 3), np.uint8), targets, 1)
    object_loss(logits, aims).backward()
    assert logits.grad[0, 0, 0] == 0
    assert logits.grad[0, 0, 1] < 0


def test_the_loss_of_four_pixels():
    logits = torch.tensor([[[0.0, 0.0], [0.0, 100.0]]])
    # The first loses log 2, the second is half known and weighs nothing, the third does not count, the last is right.
    shares, counts = torch.tensor([[[1.0, 0.5], [0.0, 1.0]]]), torch.tensor([[[1.0, 1.0], [0.0, 2.0]]])
    assert object_loss(logits, torch.stack([shares, counts], 1)).item() == pytest.approx(np.log(2) / 3)


def test_a_crop_and_its_mirror_image_have_mirrored_maps():
    network, _ = trained(SETTINGS.changed(epochs=1))
    crops, _ = discs(2)
    crops[:, :, :9] = 0
    maps = object_maps(network, crops, SIZE), object_maps(network, np.ascontiguousarray(crops[:, :, ::-1]), SIZE)
    np.testing.assert_allclose(maps[0], maps[1][:, :, ::-1], atol=1e-5)


def test_a_network_is_read_back_and_equal_networks_give_equal_bytes(tmp_path):
    network, _ = trained(SETTINGS.changed(epochs=1))
    for name in ("one.pt", "two.pt"):
        save_network(tmp_path / name, network, {"seed": 0})
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "two.pt").read_bytes()
    again, made = load_network(tmp_path / "one.pt")
    assert made == {"seed": 0}
    crops, _ = discs(2)
    np.testing.assert_allclose(object_maps(network, crops, SIZE), object_maps(again, crops, SIZE), atol=0.02)
    round_weights(network)
    assert same_weights(network, again)
    np.testing.assert_array_equal(object_maps(network, crops, SIZE), object_maps(again, crops, SIZE))


def test_another_file_is_refused(tmp_path):
    save(tmp_path / "other.pt", {"format": "other"})
    with pytest.raises(StoreError, match="not an object network"):
        load_network(tmp_path / "other.pt")


def test_a_pixel_weighs_as_much_as_is_known_of_it():
    logits, shares = torch.zeros(1, 1, 3, requires_grad=True), torch.tensor([[[1.0, 0.75, 0.5]]])
    object_loss(logits, torch.stack([shares, torch.ones_like(shares)], 1)).backward()
    # (sigmoid - share) weight / sum of the weights: -1/2 * 1, -1/4 * 1/2 and 0, by 3/2.
    np.testing.assert_allclose(logits.grad[0, 0], [-1 / 3, -1 / 12, 0], atol=1e-6)


def test_a_pixel_counts_by_where_it_is():
    targets = np.full((1, crop_side(SIZE), crop_side(SIZE)), 0, np.uint8)
    targets[0, 14, 12:17] = 0, OBJECT // 2, OBJECT, 191, UNKNOWN
    _, aims = batch_of(np.zeros((1, crop_side(SIZE), crop_side(SIZE), 3), np.uint8), targets, SIZE)
    np.testing.assert_array_equal(aims[0, 1, 14, 12:17], [1, 1, 1, 1, 0])
    np.testing.assert_allclose(aims[0, 0, 14, 12:16], [0, 0.5, 1, 191 / 254])
    assert aims[0, 1, 0, 0] == 0.25
