"""Networks with parameters that no score depends on train in a group of processes as they do alone."""

import copy
from typing import get_args

import pytest
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from boxsup.config.build import build
from boxsup.config.training import NetworkSettings, TrainingSettings
from boxsup.network import build_network
from boxsup.training.epoch import make_optimizer, pixel_loss
from boxsup.training.parallel import distribute_model
from helpers.networks import small_smp
from helpers.training_runs import TRAINING

pytest.importorskip("segmentation_models_pytorch")
pytestmark = pytest.mark.slow  # networks train

BATCH = 2
DECODERS = get_args(NetworkSettings.model_fields["decoder"].annotation)
NAMES = [*map(small_smp, DECODERS), "smp:unet:efficientnet-b0:16"]
SETTINGS = build(TrainingSettings, TRAINING | {"rate": 1e-4, "batch": BATCH}, "training")


@pytest.fixture
def group():
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def two_steps(network):
    """Train a network for two steps as an epoch does; the optimizer."""
    torch.manual_seed(1)  # of dropout
    optimizer = make_optimizer(network, SETTINGS)
    whole = distribute_model(network, BATCH)
    assert isinstance(whole, DistributedDataParallel) == distributed.is_initialized()
    draws = torch.Generator().manual_seed(2)
    for _ in range(2):
        images = torch.randn(BATCH, 3, 64, 64, generator=draws, dtype=torch.float64)
        labels = torch.randint(0, 3, (BATCH, 64, 64), generator=draws)
        loss = pixel_loss(whole(images), labels, network.grid)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return optimizer


@pytest.mark.parametrize("name", NAMES)
def test_two_steps_in_a_group_are_those_of_one_process(name, request):
    torch.manual_seed(0)
    network = build_network(name, 3).double().train()
    alone, start = copy.deepcopy(network), copy.deepcopy(network.state_dict())
    alone_optimizer = two_steps(alone)
    request.getfixturevalue("group")
    optimizer = two_steps(network)
    unused = network.unused_parameters()
    assert bool(unused) == any(part in name for part in ("pspnet", "dpt", "efficientnet"))
    others = dict(alone.named_parameters())
    for key, value in network.named_parameters():
        # In one process, a parameter without a gradient is left alone, also by weight decay.
        assert key not in unused or torch.equal(value, start[key]), key
        assert bool(optimizer.state[value]) == bool(alone_optimizer.state[others[key]]) == (key not in unused), key
        if "efficientnet" not in name:  # which draw what they drop by themselves
            torch.testing.assert_close(value, others[key], rtol=1e-6, atol=1e-9, msg=key)


def test_a_network_without_them_does_not_look_for_them(group):
    for name, looks in [("mobilenet_v2", False), (small_smp("unet"), False), (small_smp("pspnet"), True)]:
        whole = distribute_model(build_network(name, 3), BATCH)
        assert whole.find_unused_parameters == looks
