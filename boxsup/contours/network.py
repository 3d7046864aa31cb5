"""The contour network: MobileNetV2's first stages, a light decoder and a branch at full resolution.

It is a U-Net (Ronneberger et al., MICCAI 2015): the encoder's features at strides 16 to 2 are added up from coarse to
fine; the branch at full resolution, directly from the pixels, places the contour where superpixels will be cut.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn
from torch.nn import functional

from boxsup.errors import StoreError
from boxsup.network.bodies import mobilenet_v2
from boxsup.network.folding import folded_form
from boxsup.network.half import Kind, load_halved, save_halved

TRAIN = "boxsup contours train --bsds data/BSDS500 --out network.pt"
KIND = Kind("boxsup contours 1", "a contour network", f"make it again: `{TRAIN}`")
STRIDE = 16  # heights and widths must be multiples
# The last block of MobileNetV2 at each stride, 2 to 16, and its channels.
TAPS, TAP_CHANNELS = (1, 3, 6, 13), (16, 24, 32, 96)
# The decoder's channels at strides 1 to 16.
CHANNELS = (12, 16, 32, 48, 64)
PRIOR = -2.0  # initial logit: about one pixel in eight is near a boundary


class ContourNet(nn.Module):
    """N×3×H×W images, normalised as ImageNet's -> N×1×H×W logits of "a boundary runs here"."""

    def __init__(self) -> None:
        """Make a network with random weights from torch's generator."""
        super().__init__()
        self.encoder = mobilenet_v2()[: TAPS[-1] + 1]
        self.pixels = _convolution(3, CHANNELS[0])
        self.context = _convolution(TAP_CHANNELS[-1], CHANNELS[-1], dilation=2)
        self.lateral = nn.ModuleList(
            nn.Conv2d(tap, channels, 1) for tap, channels in zip(TAP_CHANNELS[:-1], CHANNELS[1:-1], strict=True)
        )
        self.down = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(CHANNELS))
        self.blend = nn.ModuleList(_blend(channels, double=index > 1) for index, channels in enumerate(CHANNELS[:-1]))
        self.score = nn.Conv2d(CHANNELS[0], 1, 1)
        nn.init.constant_(cast(Tensor, self.score.bias), PRIOR)

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Load the weights of torchvision's classifier into the encoder.

        Raises:
            StoreError: The weights belong to another network.
        """
        names = {f"features.{name}" for name in self.encoder.state_dict()}
        try:
            self.encoder.load_state_dict({name.removeprefix("features."): weights[name] for name in names})
        except (KeyError, RuntimeError) as error:
            raise StoreError("ImageNet weights: not those of torchvision's mobilenet_v2") from error

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits; H and W must be multiples of 16."""
        features = [self.pixels(image)]
        seen = image
        for index, block in enumerate(self.encoder):
            seen = block(seen)
            if index in TAPS[:-1]:
                features.append(self.lateral[len(features) - 1](seen))
        decoded = self.context(seen)
        for lateral, down, blend in zip(features[::-1], self.down[::-1], self.blend[::-1], strict=True):
            enlarged = functional.interpolate(down(decoded), lateral.shape[2:], mode="bilinear", align_corners=False)
            decoded = blend(lateral + enlarged)
        logits: Tensor = self.score(decoded)
        return logits


def save_network(path: Path, network: ContourNet, origin: dict[str, Any]) -> None:
    """Write a folded network in 16-bit floats; equal networks give equal bytes.

    Args:
        path: The file to write.
        network: A network from `boxsup.network.folding.folded`.
        origin: How the network was made; plain values only.
    """
    save_halved(path, KIND, network, origin)


def load_network(path: Path) -> tuple[ContourNet, dict[str, Any]]:
    """Read a file of `save_network`: the network ready for use, in 32-bit floats, channels last, and how it was made.

    Raises:
        StoreError: The file is missing, damaged or of another network.
    """
    return load_halved(path, KIND, lambda: folded_form(ContourNet()))


def _convolution(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    """Make a 3×3 convolution that keeps the size."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _blend(channels: int, double: bool) -> nn.Sequential:
    layers: list[nn.Module] = [_convolution(channels, channels) for _ in range(2 if double else 1)]
    return nn.Sequential(*layers)
