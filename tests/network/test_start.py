"""A network that starts from another's weights, all but some layers."""

import copy

import pytest
import torch
from torch import nn

from boxsup.errors import ConfigError
from boxsup.network import build_network
from boxsup.network.start import copy_weights


def network(classes, skip=True, seed=0):
    torch.manual_seed(seed)
    layers = {"body": nn.Linear(3, 4), "score": nn.Linear(4, classes)}
    return nn.ModuleDict(layers | ({"skips": nn.ModuleList([nn.Linear(2, classes)])} if skip else {}))


def test_all_layers_but_the_dropped_ones_are_taken_over():
    old, new = network(5), network(3, seed=1)
    start = copy.deepcopy(new)
    copy_weights(new, old.state_dict(), ["score", "skips"])
    assert torch.equal(new["body"].weight, old["body"].weight)
    assert torch.equal(new["body"].bias, old["body"].bias)
    assert torch.equal(new["score"].weight, start["score"].weight)
    assert torch.equal(new["skips"][0].bias, start["skips"][0].bias)


@pytest.mark.parametrize(
    ("old", "drop", "message"),
    [
        (network(5), ["score"], r"drop: skips\.0\.weight is 5×2 in the checkpoint, 3×2 here; drop skips\.0 too"),
        (network(5), ["scores"], r"drop: 'scores' is no layer; the network has, last first: skips\.0, score, body"),
        (network(5, skip=False), ["score"], r"the checkpoint has no skips\.0\.weight; it is of another network"),
    ],
)
def test_layers_that_do_not_fit_are_named_and_nothing_changes(old, drop, message):
    new = network(3, seed=1)
    before = copy.deepcopy(new.state_dict())
    with pytest.raises(ConfigError, match=message):
        copy_weights(new, old.state_dict(), drop)
    assert all(torch.equal(value, before[name]) for name, value in new.state_dict().items())


# What each network has one channel a class of, as docs/data.md names it.
@pytest.mark.parametrize(
    ("name", "drop"),
    [
        ("fcn32s", ["score"]),
        ("fcn8s", ["score", "skips"]),
        ("deeplab_4x4", ["score"]),
        ("mobilenet_v2", ["head.4"]),
    ],
)
def test_another_number_of_classes_needs_the_last_layers_anew_only(name, drop):
    with torch.device("meta"):  # shapes only
        old, new = build_network(name, 81), build_network(name, 60)
    copy_weights(new, old.state_dict(), drop)
    for layer in drop:
        with pytest.raises(ConfigError, match=f"drop {layer}"):
            copy_weights(new, old.state_dict(), [other for other in drop if other != layer])
