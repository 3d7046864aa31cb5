"""VGG-16 as a fully convolutional network.

FCN: Long, Shelhamer, Darrell, CVPR 2015. DeepLab v1: Chen, Papandreou, Kokkinos, Murphy, Yuille, ICLR 2015.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from boxsup.network.bodies import vgg16
from boxsup.network.draws import draw_kaiming, draw_normal
from boxsup.network.grid import Grid, enlarge
from boxsup.network.segmenter import Segmenter

FC6_SHAPE = (4096, 512, 7, 7)  # the shapes of ImageNet's fc6 and fc7 as convolutions
FC7_SHAPE = (4096, 4096, 1, 1)
MIN_SIDE = 32  # px; VGG has five poolings
TWICE = Grid(2, 0.5)  # where the scores after a pooling of two pixels lie among those before it


class _VGG(Segmenter):
    """VGG-16's convolutions, followed by fc6 and fc7 as convolutions."""

    imagenet = "vgg16"

    def __init__(self, classes: int, fc6: nn.Conv2d) -> None:
        super().__init__()
        self.features = vgg16()
        self.fc6 = fc6
        self.fc7 = nn.Conv2d(fc6.out_channels, fc6.out_channels, 1)
        self.dropout = nn.Dropout(0.5)
        self.score = _score_layer(fc6.out_channels, classes)
        for layer in (*self.features, self.fc6, self.fc7):
            if isinstance(layer, nn.Conv2d):
                # Without pretrained weights, torch's default would about halve the signal in each layer.
                draw_kaiming(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """See `Segmenter.load_imagenet`; fc6 and fc7 are decimated to the sizes of this network's layers."""
        prefix = "features."
        self.features.load_state_dict(
            {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        )
        for layer, name, shape in ((self.fc6, "classifier.0", FC6_SHAPE), (self.fc7, "classifier.3", FC7_SHAPE)):
            with torch.no_grad():
                layer.weight.copy_(decimate(weights[f"{name}.weight"].view(shape), layer.weight.shape))
                layer.bias.copy_(decimate(weights[f"{name}.bias"], layer.bias.shape))  # type: ignore[union-attr]

    def _fully_connected(self, features: Tensor) -> Tensor:
        hidden: Tensor = self.dropout(functional.relu(self.fc6(features)))
        hidden = self.dropout(functional.relu(self.fc7(hidden)))
        return hidden


class FCN(_VGG):
    """FCN-32s, FCN-16s and FCN-8s: logits at stride 32, 16 or 8.

    There are two differences from the original. Its layers pad the image by 100 pixels and crop the scores; here each
    layer is padded to keep its size. It learns to enlarge scores, starting from bilinear weights; here they stay
    bilinear. A side below 32 pixels, of which five poolings would leave nothing, is enlarged to 32.
    """

    def __init__(self, classes: int, skips: int) -> None:
        """Make the network; `skips`, 0 to 2, is the number of pooling layers whose scores are added."""
        super().__init__(classes, nn.Conv2d(512, 4096, 7, padding=3))
        stride = 32 >> skips
        self.grid = Grid(stride, (stride - 1) / 2)
        # The skips start at zero, so that a finer network starts as the coarser one (Long et al., section 4.2).
        self.skips = nn.ModuleList(_score_layer(channels, classes, std=0.0) for channels in (512, 256)[:skips])

    def new_layers(self) -> list[nn.Module]:
        """See `Segmenter.new_layers`."""
        return [self.score, *self.skips]

    def forward(self, image: Tensor) -> Tensor:
        """N×3×H×W -> N×C×h×w logits."""
        pools = []
        sides = [max(MIN_SIDE, side) for side in image.shape[2:]]
        features = image
        if sides != list(image.shape[2:]):
            features = functional.interpolate(image, sides, mode="bilinear", align_corners=False)
        for layer in self.features:
            features = layer(features)
            if isinstance(layer, nn.MaxPool2d):
                pools.append(features)
        logits: Tensor = self.score(self._fully_connected(features))
        for skip, pool in zip(self.skips, reversed(pools[:-1]), strict=False):
            scores = skip(pool)
            logits = scores + enlarge(logits, scores.shape[2:], TWICE)
        return logits


class DeepLab(_VGG):
    """DeepLab v1: VGG-16 at stride 8 by dilation, with a dilated fc6.

    With `kernel` 4, `dilation` 4 and `channels` 4096, it is the DeepLab-CRF that is the paper's baseline (IoU 63.74,
    65.1 M weights). With 3, 12 and 1024, it is LargeFOV (IoU 67.64, 20.5 M weights).
    """

    grid = Grid(8)

    def __init__(self, classes: int, kernel: int, dilation: int, channels: int) -> None:
        """Make the network; fc6 is a `kernel`×`kernel` convolution with `dilation` (the "input stride")."""
        padding = dilation * (kernel - 1) // 2
        super().__init__(classes, nn.Conv2d(512, channels, kernel, padding=padding, dilation=dilation))
        self.features = _at_stride_8(self.features)

    def new_layers(self) -> list[nn.Module]:
        """See `Segmenter.new_layers`."""
        return [self.score]

    def forward(self, image: Tensor) -> Tensor:
        """N×3×H×W -> N×C×h×w logits at stride 8."""
        logits: Tensor = self.score(self._fully_connected(self.features(image)))
        return logits


def decimate(weights: Tensor, shape: Sequence[int]) -> Tensor:
    """Keep evenly spaced entries along each axis, including the first and the last (DeepLab v1, section 3.1).

    Args:
        weights: The weights, of any shape.
        shape: The shape to reduce them to.

    >>> decimate(torch.arange(5), (3,))
    tensor([0, 2, 4])
    """
    for axis, size in enumerate(shape):
        steps = torch.linspace(0, weights.shape[axis] - 1, size).round().long()
        weights = weights.index_select(axis, steps)
    return weights


def _score_layer(channels: int, classes: int, std: float = 0.01) -> nn.Conv2d:
    layer = nn.Conv2d(channels, classes, 1)
    draw_normal(layer.weight, std)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _at_stride_8(features: nn.Sequential) -> nn.Sequential:
    """Use 3×3 pools as DeepLab does; the last two have stride 1, and conv5 has dilation 2 to see as far as before."""
    layers: list[nn.Module] = []
    pools = 0
    for layer in features:
        if isinstance(layer, nn.MaxPool2d):
            pools += 1
            layer = nn.MaxPool2d(3, stride=2 if pools <= 3 else 1, padding=1)
        elif isinstance(layer, nn.Conv2d) and pools == 4:
            layer.dilation, layer.padding = (2, 2), (2, 2)
        layers.append(layer)
    return nn.Sequential(*layers)
