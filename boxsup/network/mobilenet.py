"""MobileNetV2 (Sandler et al., CVPR 2018) with a dilated head, for small machines."""

from __future__ import annotations

from torch import Tensor, nn

from boxsup.network.bodies import mobilenet_v2
from boxsup.network.grid import Grid
from boxsup.network.segmenter import Segmenter

STAGES = {8: 7, 16: 14}  # stride of the network -> the first block that would have a larger one
BODY_CHANNELS, HEAD_CHANNELS = 320, 256


class MobileNet(Segmenter):
    """MobileNetV2 without its classifier, at stride 16 or 8, with a 3×3 convolution of dilation 6 before the scores."""

    imagenet = "mobilenet_v2"

    def __init__(self, classes: int, stride: int) -> None:
        """Make the network for `classes` classes; `stride` is 16 or 8, which takes twice the time."""
        super().__init__()
        self.grid = Grid(stride)
        self.features = mobilenet_v2()[:18]
        _keep_size(self.features[STAGES[stride] :])
        self.head = nn.Sequential(
            nn.Conv2d(BODY_CHANNELS, HEAD_CHANNELS, 3, padding=6, dilation=6, bias=False),
            nn.BatchNorm2d(HEAD_CHANNELS),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Conv2d(HEAD_CHANNELS, classes, 1),
        )

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """See `Segmenter.load_imagenet`."""
        prefix = "features."
        kept = {f"{prefix}{name}" for name in self.features.state_dict()}
        self.features.load_state_dict(
            {name.removeprefix(prefix): value for name, value in weights.items() if name in kept}
        )

    def new_layers(self) -> list[nn.Module]:
        """See `Segmenter.new_layers`."""
        return [self.head]

    def forward(self, image: Tensor) -> Tensor:
        """N×3×H×W -> N×C×h×w logits at the network's stride."""
        logits: Tensor = self.head(self.features(image))
        return logits


def _keep_size(blocks: nn.Sequential) -> None:
    """Replace strides by dilation, so that blocks keep the image's size: each stride doubles the dilation after it."""
    dilation = 1
    for layer in blocks.modules():
        if isinstance(layer, nn.Conv2d) and layer.groups > 1:
            layer.dilation = layer.padding = (dilation, dilation)
            if layer.stride == (2, 2):
                layer.stride = (1, 1)
                dilation *= 2
