"""Our optimizer beside torch's."""

import pytest
import torch
from torch import nn

from boxsup.training.sgd import SGD


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_steps_are_torchs_to_the_last_bit(momentum, decay):
    ours, theirs = made(SGD, momentum, decay), made(torch.optim.SGD, momentum, decay)
    for mine, their in zip(ours[0].parameters(), theirs[0].parameters(), strict=True):
        assert torch.equal(mine, their)
        one, other = (
            of.state.get(weight, {}).get("momentum_buffer") for of, weight in ((ours[1], mine), (theirs[1], their))
        )
        assert (one is None and other is None) or torch.equal(one, other)


def made(optimizer, momentum, decay):
    """A network and its optimizer after six steps: two groups, a rate that falls, a layer that joins late."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Conv2d(5, 2, 1))
    groups = [{"params": list(network[:3].parameters())}, {"params": list(network[3:].parameters())}]
    made = optimizer(groups, lr=0.1, momentum=momentum, weight_decay=decay)
    for number in range(6):
        network[3].requires_grad_(number > 2)
        for group, factor in zip(made.param_groups, (1, 10), strict=True):
            group["lr"] = 0.01 * factor / (number + 1)
        made.zero_grad()
        network(torch.rand(2, 3, 8, 8)).square().sum().backward()
        made.step()
    return network, made


def test_steps_that_a_scaler_of_gradients_takes_are_torchs():
    """As on a GPU in 16 bits, where a step is left out if a gradient is not finite."""
    weights = []
    for optimizer in (SGD, torch.optim.SGD):
        torch.manual_seed(0)
        network = nn.Linear(3, 2)
        made = optimizer([{"params": list(network.parameters())}], lr=0.1, momentum=0.9)
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
        for number in range(4):
            made.zero_grad()
            loss = network(torch.rand(5, 3)).sum() * (float("inf") if number == 1 else 1)
            scaler.scale(loss).backward()
            scaler.step(made)
            scaler.update()
        weights.append(network.weight.detach())
    assert torch.isfinite(weights[0]).all()
    assert torch.equal(*weights)
