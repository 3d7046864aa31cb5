"""The object network: MobileNetV2 and a decoder that ends at half the crop's resolution."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from boxsup.config.training import NetworkSettings
from boxsup.errors import StoreError
from boxsup.network.bodies import mobilenet_v2
from boxsup.network.half import Kind, halved, load_halved, save_halved
from boxsup.network.pretrained import imagenet_weights
from boxsup.random import torch_seed
from boxsup.store.checksums import check_shipped

KIND = Kind("boxsup objects 1", "an object network", "make it again with `boxsup objects`")
ENCODER: Final = "mobilenet_v2"
SHIPPED = Path(__file__).with_name("network.pt")
SHIPPED_SHA256 = "ea622900c9f7a257a2a2e8d8287f9bea4e531bab82ee233cb06a88b0db548d41"
# The last block of MobileNetV2 at each stride, 2 to 32, and its channels.
TAPS, TAP_CHANNELS = (1, 3, 6, 13, 17), (16, 24, 32, 96, 320)
FROZEN = 4  # blocks of a pretrained encoder that keep their weights; training them too would take twice the time
CHANNELS = (16, 24, 32, 48, 64)  # of the decoder, at strides 2 to 32


class ObjectNet(nn.Module):
    """N×3×S×S crops, normalised as ImageNet's -> N×S×S logits of "this pixel is the object of the box".

    A U-Net (Ronneberger et al., MICCAI 2015) whose encoder is MobileNetV2 (Sandler et al., CVPR 2018).
    """

    def __init__(self, pretrained: bool = True) -> None:
        """Make a network with random weights from torch's generator.

        Args:
            pretrained: Whether the encoder gets weights that have learned: its first blocks then keep them.
        """
        super().__init__()
        self.frozen = FROZEN if pretrained else 0
        self.encoder = mobilenet_v2()[: TAPS[-1] + 1]
        self.context = _convolution(TAP_CHANNELS[-1], CHANNELS[-1], 1)
        self.lateral = nn.ModuleList(
            nn.Conv2d(tap, channels, 1) for tap, channels in zip(TAP_CHANNELS[:-1], CHANNELS[:-1], strict=True)
        )
        self.down = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(CHANNELS))
        self.blend = nn.ModuleList(_convolution(channels, channels) for channels in CHANNELS[:-1])
        self.score = nn.Conv2d(CHANNELS[0], 1, 1)

    def train(self, mode: bool = True) -> ObjectNet:
        """Set the mode of training; the frozen blocks stay as they are."""
        super().train(mode)
        self.encoder[: self.frozen].eval()
        return self

    def forward(self, crops: Tensor) -> Tensor:
        """Compute the logits."""
        features, seen = [], crops
        for index, block in enumerate(self.encoder):
            with torch.set_grad_enabled(index >= self.frozen and torch.is_grad_enabled()):
                seen = block(seen)
            if index in TAPS:
                features.append(seen)
        decoded = self.context(features.pop())
        for lateral, down, blend in zip(self.lateral[::-1], self.down[::-1], self.blend[::-1], strict=True):
            finer = lateral(features.pop())
            decoded = blend(finer + _enlarged(down(decoded), finer))
        return _enlarged(self.score(decoded), crops)[:, 0]

    def parameter_groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """The parameters of a pretrained encoder that are trained, and those that are new: all, if it is random."""
        if not self.frozen:
            return [], list(self.parameters())
        encoder = list(self.encoder[self.frozen :].parameters())
        known = {id(parameter) for parameter in self.encoder.parameters()}
        return encoder, [parameter for parameter in self.parameters() if id(parameter) not in known]


def start_network(weights: str, seed: int) -> tuple[ObjectNet, dict[str, str]]:
    """Make the network that training starts from.

    Args:
        weights: "imagenet", "shipped" or "none"; see `boxsup.config.objects`.
        seed: Seed of the random weights.

    Returns:
        The network; `file` and `sha256` of the weights that it starts from, or nothing.

    Raises:
        StoreError: The weights are found nowhere, or are not those of the network.
    """
    torch.manual_seed(torch_seed(seed, "objects", "start"))
    network = ObjectNet(pretrained=weights != "none")
    if weights == "shipped":
        shipped, _ = load_shipped()
        return shipped, {"file": SHIPPED.name, "sha256": SHIPPED_SHA256}
    if weights == "none":
        return network, {}
    source = imagenet_weights(ENCODER, NetworkSettings(name=ENCODER, weights="imagenet", sha256=""))
    try:
        state = {name: source.weights[f"features.{name}"] for name in network.encoder.state_dict()}
        network.encoder.load_state_dict(state)
    except (KeyError, RuntimeError) as error:
        raise StoreError(f"{source.file}: not the weights of torchvision's {ENCODER}") from error
    return network, {"file": source.file, "sha256": source.sha256}


def save_network(path: Path, network: ObjectNet, origin: dict[str, Any]) -> None:
    """Write a network in 16-bit floats; equal networks give equal bytes.

    Args:
        path: The file to write.
        network: The network.
        origin: How the network was made; plain values only.
    """
    save_halved(path, KIND, network, origin)


def round_weights(network: ObjectNet) -> None:
    """Round a network's weights, in place, to the 16 bits in which `save_network` writes them."""
    for value in network.state_dict().values():
        value.copy_(halved(value))


def load_network(path: Path) -> tuple[ObjectNet, dict[str, Any]]:
    """Read a file of `save_network`: the network ready for use, and how it was made.

    Raises:
        StoreError: The file is missing, damaged or of another network.
    """
    return load_halved(path, KIND, lambda: ObjectNet().eval())


def load_shipped() -> tuple[ObjectNet, dict[str, Any]]:
    """Read the network of this package.

    Raises:
        StoreError: The file is missing or damaged.
    """
    check_shipped(SHIPPED, SHIPPED_SHA256)
    return load_network(SHIPPED)


def _enlarged(values: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(values, like.shape[2:], mode="bilinear", align_corners=False)


def _convolution(inputs: int, outputs: int, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
