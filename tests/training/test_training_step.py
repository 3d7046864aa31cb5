import copy
import math
from functools import partial

import pytest
import torch
from torch import nn

from boxsup.config.training import ScheduleSettings, TrainingSettings
from boxsup.network.grid import Grid, enlarge
from boxsup.network.images import normalise
from boxsup.network.segmenter import Segmenter
from boxsup.training.epoch import DivergedError, make_optimizer, pixel_loss, train_epoch
from boxsup.training.momentum import load_momentum, save_momentum
from helpers.small_split import draw

SCHEDULE = ScheduleSettings(epochs=100, policy="step", step=50, gamma=0.1, power=0.9)


def settings(rate=0.05, head_rate=10.0, momentum=0.9, weight_decay=5e-4):
    return TrainingSettings(
        rate=rate,
        head_rate=head_rate,
        momentum=momentum,
        weight_decay=weight_decay,
        batch=4,
        crop=44,
        scale=(1.0, 1.0),
        mirror=False,
        mixed_precision=True,
        threads=1,
    )


class Small(Segmenter):
    """A body of stride 2, dropout, and a new last layer."""

    grid = Grid(2)

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Dropout(0.1))
        self.score = nn.Conv2d(8, 3, 1)

    def new_layers(self):
        return [self.score]

    def forward(self, image):
        return self.score(self.body(image))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Small()


@pytest.fixture(scope="module")
def batch():
    pictures = [draw(seed, 44, 44) for seed in range(4)]
    return (
        torch.stack([normalise(image) for image, _ in pictures]),
        torch.stack([torch.from_numpy(labels).long() for _, labels in pictures]),
    )


def train(network, data, options, epoch=1, optimizer=None, seed=0):
    steps = []
    optimizer = optimizer or make_optimizer(network, options)
    train_epoch(network, optimizer, data, len(data), options, SCHEDULE, seed, epoch, steps.append)
    return steps


def same(network, other):
    pairs = zip(network.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_equal_scores_lose_the_logarithm_of_the_classes():
    labels = torch.randint(0, 5, (2, 6, 7))
    assert pixel_loss(torch.zeros(2, 5, 3, 4), labels, Grid(2)).item() == pytest.approx(math.log(5))


def test_the_loss_is_the_mean_over_all_labelled_pixels_of_the_batch():
    # Class 1 is e times as likely as class 0: losses are log(1 + e) - 1 for label 1, log(1 + e) for label 0.
    logits = torch.tensor([0.0, 1.0]).reshape(1, 2, 1, 1).expand(2, 2, 1, 1)
    labels = torch.full((2, 2, 3), 255)
    labels[0, 0, 0] = 0
    labels[1] = torch.tensor([[1, 1, 1], [255, 255, 255]])
    base = math.log(1 + math.e)
    assert pixel_loss(logits, labels, Grid(16)).item() == pytest.approx((base + 3 * (base - 1)) / 4)


def test_void_pixels_have_no_gradient():
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    labels = torch.randint(0, 3, (1, 4, 4))
    labels[0, :2] = 255
    pixel_loss(logits, labels, Grid(1)).backward()
    assert (logits.grad[0, :, :2] == 0).all()
    assert (logits.grad[0, :, 2:] != 0).all()


def test_a_batch_of_void_alone_loses_nothing(network, batch):
    before = copy.deepcopy(network)
    images, labels = batch
    options = settings(momentum=0.0, weight_decay=0.0)
    (step,) = train(network, [(images, torch.full_like(labels, 255))], options)
    assert step.loss == 0
    assert same(network, before)


@pytest.mark.slow
def test_new_layers_learn_ten_times_as_fast(network, batch):
    start, plain = copy.deepcopy(network), copy.deepcopy(network)
    train(network, [batch], settings(head_rate=10.0, momentum=0.0, weight_decay=0.0))
    train(plain, [batch], settings(head_rate=1.0, momentum=0.0, weight_decay=0.0))
    for name, value in start.named_parameters():
        fast, slow = (other.get_parameter(name) - value for other in (network, plain))
        factor = 10 if name.startswith("score") else 1
        torch.testing.assert_close(fast, factor * slow, rtol=1e-3, atol=1e-6)
        assert slow.abs().max() > 0


def test_two_steps_are_sgd_with_momentum_and_decay_by_hand(network, batch):
    network.body[2].p = 0.0
    reference = copy.deepcopy(network).to(memory_format=torch.channels_last)
    options = settings(rate=0.01)
    train(network, [batch, batch], options)
    momentum = dict.fromkeys(dict(reference.named_parameters()), 0.0)
    for _ in range(2):
        reference.zero_grad()
        images, labels = batch
        # The 22nd logit looks at pixel 42; pixel 43 has its scores.
        enlarged = nn.functional.interpolate(reference(images), (43, 43), mode="bilinear", align_corners=True)
        enlarged = nn.functional.pad(enlarged, (0, 1, 0, 1), mode="replicate")
        nn.functional.cross_entropy(enlarged, labels, ignore_index=255).backward()
        with torch.no_grad():
            for name, value in reference.named_parameters():
                momentum[name] = 0.9 * momentum[name] + value.grad + 5e-4 * value
                value -= (0.1 if name.startswith("score") else 0.01) * momentum[name]
    for name, value in reference.named_parameters():
        torch.testing.assert_close(network.get_parameter(name), value, rtol=1e-4, atol=1e-6)


def test_a_small_network_learns_four_pictures(network, batch):
    steps = train(network, [batch] * 40, settings())
    assert steps[-1].loss < steps[0].loss / 2
    network.eval()
    with torch.inference_mode():
        enlarged = enlarge(network(batch[0]), (44, 44), network.grid)
    labelled = batch[1] != 255
    objects = labelled & (batch[1] > 0)
    assert (enlarged.argmax(dim=1) == batch[1])[objects].float().mean() > 0.8


def test_steps_are_numbered_over_all_epochs_with_the_schedules_rate(network, batch):
    schedule = ScheduleSettings(epochs=2, policy="poly", step=1, gamma=0.1, power=1.0)
    options, steps = settings(rate=0.04), []
    train_epoch(network, make_optimizer(network, options), [batch] * 2, 2, options, schedule, 0, 2, steps.append)
    assert [(step.epoch, step.iteration) for step in steps] == [(2, 2), (2, 3)]
    assert [step.rate for step in steps] == pytest.approx([0.02, 0.01])


def test_equal_arguments_give_equal_bits_and_other_seeds_do_not(network, batch):
    networks = [copy.deepcopy(network) for _ in range(4)]
    for other, (seed, epoch) in zip(networks, [(0, 1), (0, 1), (1, 1), (0, 2)], strict=True):
        torch.rand(seed)  # whatever was drawn before
        train(other, [batch] * 3, settings(), epoch=epoch, seed=seed)
    assert same(networks[0], networks[1])
    assert not same(networks[0], networks[2])
    assert not same(networks[0], networks[3])


def test_a_loss_that_is_not_finite_says_where(network, batch):
    with pytest.raises(
        DivergedError, match=r"epoch 3, iteration (9|10): the loss is (nan|inf) at a rate of 1e\+30"
    ) as info:
        train(network, [batch] * 4, settings(rate=1e30), epoch=3)
    assert "\n" not in str(info.value)
    assert info.value.batch in (1, 2)


def test_weights_that_the_last_step_spoils_are_seen_too(network, batch):
    with pytest.raises(DivergedError, match="epoch 3, iteration 2: weights are no longer finite"):
        train(network, [batch], settings(rate=1e10, weight_decay=1e38), epoch=3)


@pytest.fixture
def float16(monkeypatch):
    """Train as on a GPU that has no bfloat16; gives what sets the first scale of the loss."""
    monkeypatch.setattr("boxsup.training.epoch.half_type", lambda _: torch.float16)
    scaler = torch.amp.GradScaler
    return lambda scale: monkeypatch.setattr(torch.amp, "GradScaler", partial(scaler, init_scale=scale))


def test_a_batch_whose_gradients_leave_the_range_of_float16_is_done_again(network, batch, float16, tmp_path):
    network.body[2].p = 0.0
    trained, taken = [], []
    for scale in (2.0**8, 2.0**40):
        float16(scale)
        own, steps = copy.deepcopy(network), []
        optimizer = make_optimizer(own, settings())
        train_epoch(own, optimizer, [batch] * 2, 2, settings(), SCHEDULE, 0, 1, steps.append)
        save_momentum(tmp_path / "optimizer.pt", optimizer, 1)
        trained.append(own)
        taken.append([step.loss for step in steps])
    assert len(taken[1]) == 2
    assert taken[0] == pytest.approx(taken[1], rel=1e-3)
    before = network.parameters()
    for old, first, second in zip(before, *(own.parameters() for own in trained), strict=True):
        assert not torch.equal(old, first)
        torch.testing.assert_close(first, second, rtol=1e-2, atol=1e-4)


def test_gradients_that_are_not_finite_at_any_scale_end_the_epoch(network, batch, float16):
    float16(2.0**4)
    network.score.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(DivergedError, match="iteration 0: the gradients are not finite at a rate of"):
        train(network, [batch], settings())


def test_without_momentum_zeros_are_kept(network, batch, tmp_path):
    optimizer = make_optimizer(network, settings(momentum=0.0))
    train_epoch(network, optimizer, [batch], 1, settings(momentum=0.0), SCHEDULE, 0, 1, lambda _: None)
    save_momentum(tmp_path / "optimizer.pt", optimizer, 1)
    load_momentum(tmp_path / "optimizer.pt", optimizer, 1)
    assert all(not state["momentum_buffer"].any() for state in optimizer.state.values())
