"""The convolutional parts of three classifiers that ImageNet weights are published for.

They are those of torchvision, with its names of weights, its random weights and its results to the last bit
(`tests/network/test_bodies.py` compares them). Importing torchvision itself would cost every job two seconds.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from boxsup.network.draws import draw_kaiming, draw_normal

CLASSES = 1000  # of ImageNet
# MobileNetV2's blocks (Sandler et al., CVPR 2018, table 2): expansion, channels, how often, stride of the first.
MOBILENET = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
# VGG-16's channels (Simonyan & Zisserman, ICLR 2015, table 1, D), by the poolings between them.
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# ResNet-101's stages (He et al., CVPR 2016, table 1): channels of the 3×3 convolutions, blocks, stride.
RESNET101 = ((64, 3, 1), (128, 4, 2), (256, 23, 2), (512, 3, 2))
WIDENING = 4  # from the channels of a block's 3×3 convolution to those of its output


def mobilenet_v2() -> nn.Sequential:
    """MobileNetV2 up to its pooling, with random weights from torch's global generator: 19 blocks."""
    blocks: list[nn.Module] = [_normalised(3, 32, 3, stride=2)]
    channels = 32
    for expansion, widened, count, stride in MOBILENET:
        for number in range(count):
            blocks.append(_InvertedResidual(channels, widened, stride if number == 0 else 1, expansion))
            channels = widened
    blocks.append(_normalised(channels, 1280, 1))
    features = nn.Sequential(*blocks)
    classifier = nn.Linear(1280, CLASSES)  # which draws, too
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            draw_kaiming(layer.weight, "fan_out", "leaky_relu")
    draw_normal(classifier.weight, 0.01)
    return features


def _normalised(channels: int, widened: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution that keeps the size but for its stride, batch normalisation, and ReLU up to 6."""
    convolution = nn.Conv2d(channels, widened, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(widened), nn.ReLU6(inplace=True))


class _InvertedResidual(nn.Module):
    """A block of MobileNetV2: widened, convolved channel by channel, and narrowed again."""

    def __init__(self, channels: int, widened: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.adds = stride == 1 and channels == widened
        self.conv = nn.Sequential(
            *([] if expansion == 1 else [_normalised(channels, hidden, 1)]),
            _normalised(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, widened, 1, bias=False),
            nn.BatchNorm2d(widened),
        )

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.conv(features)
        return features + changed if self.adds else changed


def vgg16() -> nn.Sequential:
    """VGG-16's convolutions and poolings, with torch's default random weights."""
    layers: list[nn.Module] = []
    channels = 3
    for stage in VGG16:
        for widened in stage:
            layers += [nn.Conv2d(channels, widened, 3, padding=1), nn.ReLU(inplace=True)]
            channels = widened
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


def resnet101(dilated: int) -> nn.Sequential:
    """ResNet-101 up to its pooling, with frozen batch normalisation and random weights from torch's global generator.

    Args:
        dilated: In how many of its last stages dilation takes the place of the stride.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        bn1=FrozenBatchNorm2d(64),
        relu=nn.ReLU(inplace=True),
        maxpool=nn.MaxPool2d(3, 2, 1),
    )
    channels, dilation = 64, 1
    for number, (inner, count, stride) in enumerate(RESNET101, 1):
        before, last = dilation, number > len(RESNET101) - dilated
        dilation, stride = (dilation * stride, 1) if last else (dilation, stride)
        first = _Bottleneck(channels, inner, stride, before)
        channels = inner * WIDENING
        rest = [_Bottleneck(channels, inner, 1, dilation) for _ in range(count - 1)]
        layers[f"layer{number}"] = nn.Sequential(first, *rest)
    nn.Linear(channels, CLASSES)  # the classifier, which draws
    features = nn.Sequential(layers)
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            draw_kaiming(layer.weight, "fan_out")
    return features


class _Bottleneck(nn.Module):
    """A block of ResNet-101, whose stride is in its 3×3 convolution."""

    def __init__(self, channels: int, inner: int, stride: int, dilation: int) -> None:
        super().__init__()
        widened, shortcut = inner * WIDENING, None
        if stride != 1 or channels != widened:
            convolution = nn.Conv2d(channels, widened, 1, stride, bias=False)
            shortcut = nn.Sequential(convolution, FrozenBatchNorm2d(widened))
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = FrozenBatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, dilation, dilation, bias=False)
        self.bn2 = FrozenBatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, widened, 1, bias=False)
        self.bn3 = FrozenBatchNorm2d(widened)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut

    def forward(self, features: Tensor) -> Tensor:
        changed = self.relu(self.bn1(self.conv1(features)))
        changed = self.relu(self.bn2(self.conv2(changed)))
        changed = self.bn3(self.conv3(changed))
        changed += features if self.downsample is None else self.downsample(features)
        result: Tensor = self.relu(changed)
        return result


class FrozenBatchNorm2d(nn.Module):
    """Batch normalisation whose statistics, scales and shifts never change."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        """Make a layer that changes nothing until it has weights."""
        super().__init__()
        values = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}
        for name, value in values.items():
            self.register_buffer(name, torch.full((channels,), float(value)))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:  # noqa: ANN401
        state_dict.pop(f"{prefix}num_batches_tracked", None)  # of a layer that learns
        super()._load_from_state_dict(state_dict, prefix, *others)

    def forward(self, features: Tensor) -> Tensor:
        """N×C×H×W -> N×C×H×W of the same type; under autocast, scale and shift are computed in float32 and rounded."""
        weight, bias, mean, variance = (
            values.reshape(1, -1, 1, 1) for values in (self.weight, self.bias, self.running_mean, self.running_var)
        )
        scale = weight * (variance + 1e-5).rsqrt()
        shift = bias - mean * scale
        return features * scale.to(features.dtype) + shift.to(features.dtype)
