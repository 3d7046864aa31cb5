import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models import mobilenet_v2, resnet101

from boxsup.errors import ConfigError
from boxsup.network import build_network
from boxsup.network.images import IMAGENET, normalise
from boxsup.network.vgg import decimate
from helpers.networks import OWN_NETWORKS


def without_weights(name, classes=21):
    with torch.device("meta"):  # shapes only: half a gigabyte a network is not touched
        return build_network(name, classes)


# Sides that the pooling layers leave: 2×2 pools round down, DeepLab's 3×3 pools and strided convolutions round up.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("fcn32s", {64: 2, 321: 10}),
        ("fcn16s", {64: 4, 321: 20}),
        ("fcn8s", {64: 8, 321: 40}),
        ("deeplab_4x4", {33: 5, 64: 8, 321: 41}),
        ("deeplab_largefov", {33: 5, 64: 8, 321: 41}),
        ("deeplab_v2_resnet101", {33: 5, 64: 8, 321: 41}),
        ("mobilenet_v2", {33: 3, 64: 4, 321: 21}),
        ("mobilenet_v2_8s", {33: 5, 64: 8, 321: 41}),
    ],
)
def test_logits_have_the_networks_stride(name, sides):
    network = without_weights(name, 7)
    for side, expected in sides.items():
        image = torch.empty(2, 3, side, 2 * side, device="meta")
        assert network(image).shape[:3] == (2, 7, expected)


# Millions of weights for 21 classes: the DeepLab paper's Table 2(b); FCN-32s is VGG-16 less its last layer;
# ResNet-101 has 44.5 with its classifier of 2.0, and the pyramid 4·9·2048·21.
@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("fcn32s", 134.3),
        ("deeplab_4x4", 65.1),
        ("deeplab_largefov", 20.5),
        ("mobilenet_v2", 2.55),
        ("deeplab_v2_resnet101", 43.9),
    ],
)
def test_the_number_of_weights_is_the_published_one(name, millions):
    count = sum(parameter.numel() for parameter in without_weights(name).parameters())
    assert count == pytest.approx(millions * 1e6, rel=0.01)


@pytest.mark.parametrize("name", OWN_NETWORKS)
def test_each_weight_is_either_pretrained_or_new(name):
    network = without_weights(name)
    body, new = network.parameter_groups()
    assert len(body) + len(new) == len(list(network.parameters()))
    assert {id(parameter) for parameter in body + new} == {id(parameter) for parameter in network.parameters()}
    scoring = {"fcn32s": 1, "fcn16s": 2, "fcn8s": 3, "deeplab_v2_resnet101": 4}.get(name, 1)
    assert sum(parameter.ndim == 4 and parameter.shape[0] == 21 for parameter in new) == scoring
    assert not any(parameter.shape[0] == 21 for parameter in body)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(
        ConfigError, match="fcn32s, fcn16s, fcn8s, deeplab_4x4, deeplab_largefov, deeplab_v2_resnet101, mobilenet_v2"
    ) as info:
        build_network("resnet", 3)
    assert "'resnet'" in str(info.value)


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    original = resnet101(weights=None)
    with torch.no_grad():
        for name, layer in original.named_modules():
            if name.endswith("bn3"):
                layer.weight.fill_(0.2)  # pretrained ones are as small: else 33 blocks add up to nothing in common
    network = build_network("deeplab_v2_resnet101", 3)
    network.load_imagenet(original.state_dict())
    return original.eval(), network


@pytest.mark.slow
def test_dilated_resnet_holds_the_original_at_every_fourth_pixel(resnet):
    original, network = copy.deepcopy(resnet)
    original.double(), network.double()
    body = nn.Sequential(*list(original.children())[:-2])
    image = torch.randn(1, 3, 33, 65, dtype=torch.float64)
    with torch.inference_mode():
        expected, got = body(image), network.features(image)
    assert (expected.shape[2:], got.shape[2:]) == ((2, 3), (5, 9))
    torch.testing.assert_close(got[..., ::4, ::4], expected)


@pytest.mark.slow
def test_batch_normalisation_of_the_resnet_is_frozen(resnet):
    network = copy.deepcopy(resnet[1]).train()
    assert not any("bn" in name or "downsample.1" in name for name, _ in network.named_parameters())
    before = {name: value.clone() for name, value in network.named_buffers()}
    image = torch.randn(1, 3, 33, 33)
    logits = network(image)
    logits.sum().backward()
    assert all(torch.equal(before[name], value) for name, value in network.named_buffers())
    assert all(parameter.grad is not None for parameter in network.parameters())
    with torch.inference_mode():
        torch.testing.assert_close(network.eval()(image), logits.detach())


def test_the_pyramid_adds_up_four_rates(resnet):
    network = copy.deepcopy(resnet[1]).eval()
    assert [layer.dilation[0] for layer in network.aspp] == [6, 12, 18, 24]
    with torch.inference_mode():
        for layer in network.aspp:
            layer.weight.zero_()
            layer.bias.fill_(layer.dilation[0])
        network.aspp[1].weight[2, 5, 0, 1] = 1.0  # the pixel `rate` rows above
        network.features = nn.Identity()
        features = torch.randn(1, 2048, 30, 25)
        logits = network(features)
    assert logits[0, :2].unique().tolist() == [60.0]
    torch.testing.assert_close(logits[0, 2, 12:], 60 + features[0, 5, :-12])


@pytest.mark.parametrize(("name", "shape"), [("mobilenet_v2", (7, 9)), ("mobilenet_v2_8s", (13, 17))])
def test_dilated_mobilenet_holds_the_original_in_between(name, shape):
    torch.manual_seed(0)
    original = mobilenet_v2(weights=None).eval()
    network = build_network(name, 3).eval()
    network.load_imagenet(original.state_dict())
    image = torch.randn(1, 3, 97, 129)
    with torch.inference_mode():
        expected, got = original.features[:18](image), network.features(image)
    assert got.shape[2:] == shape
    apart = (shape[0] - 1) // (expected.shape[2] - 1)
    torch.testing.assert_close(got[..., ::apart, ::apart], expected)


@pytest.fixture(scope="module")
def largefov():
    torch.manual_seed(1)
    return build_network("deeplab_largefov", 3).eval()


def test_dilated_conv5_holds_the_strided_one_at_every_other_pixel(largefov):
    ours = copy.deepcopy(largefov.features[:-1]).double()  # before pool5, which DeepLab does not dilate
    strided = copy.deepcopy(ours)
    pools = [layer for layer in strided if isinstance(layer, nn.MaxPool2d)]
    pools[3].stride = 2
    for layer in strided:
        if isinstance(layer, nn.Conv2d):
            layer.dilation, layer.padding = (1, 1), (1, 1)
    image = torch.randn(1, 3, 65, 97, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(ours(image)[..., ::2, ::2], strided(image))


def test_a_random_start_keeps_the_signal(largefov):
    with torch.inference_mode():
        deviation = largefov.features(torch.randn(1, 3, 65, 65)).std().item()
    assert 0.1 < deviation < 10


def test_fc6_of_largefov_is_every_third_pixel_and_fourth_channel_of_imagenets(largefov):
    network = copy.deepcopy(largefov)
    weights = {f"features.{name}": value for name, value in network.features.state_dict().items()}
    # Expanded views: ImageNet's fc6 alone would be 411 MB.
    pixels = torch.arange(49.0).repeat(512).expand(4096, 25088)
    weights |= {"classifier.0.weight": pixels, "classifier.0.bias": torch.arange(4096.0)}
    weights |= {"classifier.3.weight": torch.arange(4096.0).expand(4096, 4096), "classifier.3.bias": torch.zeros(4096)}
    network.load_imagenet(weights)
    expected = torch.tensor([[0.0, 3, 6], [21, 24, 27], [42, 45, 48]])
    assert torch.equal(network.fc6.weight, expected.expand(1024, 512, 3, 3))
    kept = network.fc6.bias.detach()
    assert kept[0] == 0
    assert kept[-1] == 4095
    assert set(np.diff(kept).tolist()) == {4.0, 5.0}
    # fc7 must read the very channels that fc6 kept.
    assert torch.equal(network.fc7.weight[0, :, 0, 0], kept)
    assert torch.equal(network.score.weight, largefov.score.weight)


def test_decimation_keeps_first_and_last():
    square = torch.arange(49.0).reshape(1, 1, 7, 7)
    four = [[0, 2, 4, 6], [14, 16, 18, 20], [28, 30, 32, 34], [42, 44, 46, 48]]
    assert decimate(square, (1, 1, 4, 4))[0, 0].tolist() == four
    assert torch.equal(decimate(square, square.shape), square)


def test_skips_start_silent_and_then_add_their_scores(largefov, monkeypatch):
    with monkeypatch.context() as patch:
        for start in ("kaiming_uniform_", "kaiming_normal_"):
            patch.setattr(nn.init, start, lambda weights, **_: weights)  # seconds for weights that are replaced below
        network = build_network("fcn8s", 2).eval()
    network.features.load_state_dict(largefov.features.state_dict())
    network.fc6, network.fc7, network.score = (
        nn.Conv2d(512, 16, 7, padding=3),
        nn.Conv2d(16, 16, 1),
        nn.Conv2d(16, 2, 1),
    )
    image = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        pools, features = [], image
        for layer in network.features:
            features = layer(features)
            pools += [features] if isinstance(layer, nn.MaxPool2d) else []
        hidden = functional.relu(network.fc7(functional.relu(network.fc6(features))))
        coarse = network.score(hidden)
        for side in ((4, 6), (8, 12)):
            coarse = functional.interpolate(coarse, side, mode="bilinear", align_corners=False)
        torch.testing.assert_close(network(image), coarse)
        network.skips[1].bias.fill_(2.0)
        network.skips[1].weight[0, 5] = 1.0
        expected = coarse + 2
        expected[:, 0] += pools[2][:, 5]
        torch.testing.assert_close(network(image), expected)


def test_images_are_normalised_as_torchvisions_weights_expect():
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 1] = (255, 0, 51)
    got = normalise(image)
    assert got.shape == (3, 2, 3)
    assert got.dtype == torch.float32
    expected = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    np.testing.assert_allclose(got[:, 0, 1], expected, rtol=1e-5)
    assert IMAGENET == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
