"""The bodies of the networks, and the optimizer, beside those of torchvision and torch."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.ops import FrozenBatchNorm2d

from boxsup.network import bodies, build_network
from boxsup.network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

THEIRS = {
    "mobilenet_v2": lambda: models.mobilenet_v2(weights=None).features,
    "vgg16": lambda: models.vgg.make_layers(models.vgg.cfgs["D"]),
    "resnet101": lambda: nn.Sequential(*list(frozen_resnet().children())[:-2]),
}
OURS = {"mobilenet_v2": bodies.mobilenet_v2, "vgg16": bodies.vgg16, "resnet101": lambda: bodies.resnet101(dilated=2)}


def frozen_resnet():
    dilated = [False, True, True]
    return models.resnet101(weights=None, norm_layer=FrozenBatchNorm2d, replace_stride_with_dilation=dilated)


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_a_body_is_torchvisions_in_weights_draws_and_results(name):
    made, next_draws = [], []
    for make in (OURS[name], THEIRS[name]):
        torch.manual_seed(5)
        made.append(make().eval())
        next_draws.append(torch.rand(1))
    assert next_draws[0] == next_draws[1]  # as many draws: layers that are added later have the same weights
    for mine, theirs in zip(made[0].state_dict().values(), made[1].state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    image = torch.rand(1, 3, 65, 97)
    with torch.inference_mode():
        assert torch.equal(made[0](image), made[1](image))


@pytest.mark.slow
def test_names_of_weights_are_the_published_ones():
    torch.manual_seed(0)
    assert bodies.mobilenet_v2().state_dict().keys() == models.mobilenet_v2(weights=None).features.state_dict().keys()
    published = {name for name in frozen_resnet().state_dict() if not name.startswith("fc.")}
    assert bodies.resnet101(dilated=2).state_dict().keys() == published


def test_frozen_layers_take_the_weights_of_layers_that_learnt():
    learnt = nn.BatchNorm2d(3)
    learnt(torch.rand(4, 3, 5, 5))
    frozen = bodies.FrozenBatchNorm2d(3)
    frozen.load_state_dict(learnt.state_dict())
    image = torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(frozen(image), learnt.eval()(image))
    assert not list(frozen.parameters())


def frozen_layer(channels):
    """A frozen layer with values that no float of 16 bits has."""
    torch.manual_seed(4)
    layer = bodies.FrozenBatchNorm2d(channels)
    for value in layer.state_dict().values():
        value.uniform_(0.5, 1.5)
    return layer


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_a_frozen_layer_leaves_features_in_the_type_that_they_have(half):
    layer, features = frozen_layer(3), torch.randn(2, 3, 5, 5)
    expected = layer(features)
    assert expected.dtype == torch.float32
    assert layer(features.double()).dtype == torch.float64
    with torch.autocast("cpu", half):
        got = layer(features.to(half))
    assert got.dtype == half
    torch.testing.assert_close(got.float(), expected, rtol=2**-6, atol=2**-6)


def test_a_frozen_layer_in_float32_keeps_its_bytes():
    layer, features = frozen_layer(7), torch.randn(2, 7, 5, 5)
    columns = (value.reshape(1, -1, 1, 1) for value in layer.state_dict().values())
    weight, bias, mean, variance = columns
    scale = weight * (variance + 1e-5).rsqrt()
    assert torch.equal(layer(features), features * scale + (bias - mean * scale))


def test_under_autocast_a_block_of_resnet_101_computes_in_16_bits_throughout():
    torch.manual_seed(0)
    block = bodies.resnet101(dilated=2).layer1[0].eval()
    seen = []
    for layer in block.modules():
        if isinstance(layer, bodies.FrozenBatchNorm2d):
            layer.register_forward_hook(lambda layer, inputs, output: seen.append(output.dtype))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        block(torch.rand(1, 64, 8, 8))
    assert seen == [torch.bfloat16] * 4


IMPORTED = """
import sys
from pathlib import Path
import boxsup.cli
from boxsup.network.checkpoint import load_checkpoint
load_checkpoint(Path(sys.argv[1]))
print([name for name in ("torchvision", "torch._dynamo") if name in sys.modules])
"""


SHIPPED = """
import sys
import boxsup.cli
from boxsup.contours.network import load_network
from boxsup.contours.detector import WEIGHTS
from boxsup.objects.network import load_shipped
load_network(WEIGHTS)
load_shipped()
print([name for name in ("torchvision", "torch._dynamo", "sympy") if name in sys.modules])
"""


@pytest.mark.slow
def test_shipped_networks_are_read_without_torchs_compiler():
    run = subprocess.run([sys.executable, "-c", SHIPPED], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v2", "deeplab_largefov", "fcn8s", "deeplab_v2_resnet101"])
def test_a_checkpoint_is_read_without_torchvision_and_torchs_compiler(name, tmp_path):
    network = build_network(name, 2)
    save_checkpoint(tmp_path / "model.pt", Checkpoint(name, ("background", "x"), network, 1, {}))
    command = [sys.executable, "-c", IMPORTED, str(tmp_path / "model.pt")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
    read = load_checkpoint(tmp_path / "model.pt").model
    for one, other in zip(network.state_dict().values(), read.state_dict().values(), strict=True):
        assert torch.equal(one, other)
