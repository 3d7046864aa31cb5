"""The layers that stand in for others in several processes: in one process they do the same, draw for draw."""

import pytest
import torch
from torch import nn

from boxsup.training.parallel import distribute_model, whole_batch


def timms():
    pytest.importorskip("segmentation_models_pytorch")
    from timm.layers import BatchNormAct2d, DropPath

    return {"BatchNormAct2d": BatchNormAct2d(6), "DropPath": DropPath(0.4)}


@pytest.mark.parametrize("name", ["BatchNorm2d", "Dropout", "Dropout2d", "BatchNormAct2d", "DropPath"])
def test_a_layer_of_the_whole_batch_does_what_the_layer_did(name):
    own = {"BatchNorm2d": nn.BatchNorm2d(6), "Dropout": nn.Dropout(0.4), "Dropout2d": nn.Dropout2d(0.4)}
    layer = (own[name] if name in own else timms()[name]).train()
    values = torch.randn(8, 6, 5, 4)
    torch.manual_seed(3)
    expected = layer(values.clone())
    if name.startswith("BatchNorm"):  # what the call above has counted
        layer.reset_running_stats()
    other = whole_batch(layer, 8)
    assert type(other) is not type(layer)
    torch.manual_seed(3)
    torch.testing.assert_close(other(values.clone()), expected)
    torch.testing.assert_close(other.eval()(values.clone()), layer.eval()(values.clone()))


def test_in_one_process_a_network_stays_as_it_is():
    network = nn.Sequential(nn.BatchNorm2d(3))
    assert distribute_model(network, 4) is network
