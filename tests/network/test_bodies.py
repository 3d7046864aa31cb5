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
