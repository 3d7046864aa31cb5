"""ResNet-101 as DeepLab v2 uses it (Chen, Papandreou, Kokkinos, Murphy, Yuille, PAMI 2018)."""

from __future__ import annotations

from torch import Tensor, nn

from boxsup.network.bodies import resnet101
from boxsup.network.draws import draw_normal
from boxsup.network.grid import Grid
from boxsup.network.segmenter import Segmenter

BODY_CHANNELS = 2048
RATES = (6, 12, 18, 24)  # the dilations of "ASPP-L"


class DeepLabV2(Segmenter):
    """ResNet-101 at stride 8 by dilation, and atrous spatial pyramid pooling: the sum of four dilated convolutions.

    Batch normalisation is frozen (statistics, scales and shifts), as in the authors' training, since batches are too
    small to learn it from. Their training also adds losses at three scales of the image, which are left out here.
    """

    imagenet = "resnet101"
    grid = Grid(8)

    def __init__(self, classes: int) -> None:
        """Make the network for `classes` classes."""
        super().__init__()
        self.features = resnet101(dilated=2)
        self.aspp = nn.ModuleList(_dilated(classes, rate) for rate in RATES)

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """See `Segmenter.load_imagenet`."""
        classifier = ("fc.weight", "fc.bias")
        self.features.load_state_dict({name: value for name, value in weights.items() if name not in classifier})

    def new_layers(self) -> list[nn.Module]:
        """See `Segmenter.new_layers`."""
        return [self.aspp]

    def forward(self, image: Tensor) -> Tensor:
        """N×3×H×W -> N×C×h×w logits at stride 8."""
        features = self.features(image)
        first, *others = (layer(features) for layer in self.aspp)
        logits: Tensor = sum(others, start=first)
        return logits


def _dilated(classes: int, rate: int) -> nn.Conv2d:
    layer = nn.Conv2d(BODY_CHANNELS, classes, 3, padding=rate, dilation=rate)
    draw_normal(layer.weight, 0.01)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer
