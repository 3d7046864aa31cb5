"""The interface of all networks: a pretrained body, new layers, logits at a coarse stride."""

from __future__ import annotations

from itertools import chain

from torch import Tensor, nn

from boxsup.network.grid import Grid


class Segmenter(nn.Module):
    """A network that scores each pixel: N×3×H×W normalised RGB -> N×C×h×w logits at the network's stride.

    Attributes:
        imagenet: torchvision's name of the classifier whose ImageNet weights the body starts from.
        grid: Where the logits lie on the image.
    """

    imagenet: str
    grid: Grid

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Load a classifier's weights into the body; new layers keep their random weights.

        Args:
            weights: The classifier's state as torchvision publishes it.
        """
        raise NotImplementedError

    def new_layers(self) -> list[nn.Module]:
        """The layers without pretrained weights, which have the higher learning rate."""
        raise NotImplementedError

    def unused_parameters(self) -> list[str]:
        """The names of the parameters that take no part in the scores; of our own networks, all do."""
        return []

    def parameter_groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """The parameters of the pretrained body, and those of the new layers."""
        new = list(chain.from_iterable(layer.parameters() for layer in self.new_layers()))
        ids = {id(parameter) for parameter in new}
        return [parameter for parameter in self.parameters() if id(parameter) not in ids], new
