"""Where a network's logits lie on its image, and scores at every pixel from them.

Convolutions and poolings of odd sizes that pad both sides alike keep the first logit on the first pixel: at stride 16,
logit i looks at pixel 16 i. Resizing logits to the size of an image, as `torch.nn.functional.interpolate` does, assumes
that both cover the same area, and puts logits elsewhere: in a crop of 257 px by up to 7 px, differently at each place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Grid(NamedTuple):
    """The pixels that logits are centred on, along each axis: logit i on pixel origin + i · stride.

    Attributes:
        stride: Distance between two logits, px.
        origin: Where the first logit is: 0, the middle of the first pixel, or half a pixel for each pooling of two
            pixels, as their strides count.
    """

    stride: int
    origin: float = 0.0

    def weights(self, logits: int, pixels: int, seen: int, device: torch.device | None = None) -> Tensor:
        """The shares of the logits in the score of each pixel, by linear interpolation; the last logits reach outward.

        >>> Grid(2).weights(logits=2, pixels=4, seen=4)
        tensor([[1.0000, 0.0000],
                [0.5000, 0.5000],
                [0.0000, 1.0000],
                [0.0000, 1.0000]])

        Args:
            logits: Number of logits along the axis.
            pixels: Number of pixels to score.
            seen: Number of pixels of the image that the network has seen: another one if the image was resized for it.
            device: Where to compute.

        Returns:
            pixels×logits float32; the shares of a pixel sum to 1.
        """
        places = (torch.arange(pixels, device=device) + 0.5) * seen / pixels - 0.5
        places = ((places - self.origin) / self.stride).clamp(0, logits - 1)
        return (1 - (places[:, None] - torch.arange(logits, device=device)).abs()).clamp(min=0)


def enlarge(logits: Tensor, size: Sequence[int], grid: Grid, seen: Sequence[int] | None = None) -> Tensor:
    """Score every pixel of an image by bilinear interpolation.

    Args:
        logits: N×C×h×w float32.
        size: H and W of the image.
        grid: Where the logits lie on the image that the network has seen.
        seen: The sides of that image, px; None for those of the image.

    Returns:
        N×C×H×W float32.
    """
    if grid == Grid(1):  # each side would cost its square by `weights`
        return logits if seen is None else functional.interpolate(logits, tuple(size), mode="bilinear")
    rows, columns = _weights(logits.shape[2:], size, grid, seen, logits.device)
    return rows @ logits @ columns.T


def enlarge_pixel_by_pixel(logits: Tensor, size: Sequence[int], grid: Grid) -> Tensor:
    """Score every pixel as `enlarge` does, with the scores of a pixel side by side in memory.

    On the CPU, losses of such scores take a third less time than those of planes.

    Args:
        logits: N×C×h×w float32.
        size: H and W of the image.
        grid: Where the logits lie on the image.

    Returns:
        N×H×W×C float32.
    """
    values = logits.permute(0, 2, 3, 1)
    if grid == Grid(1):
        return values
    rows, columns = _weights(logits.shape[2:], size, grid, None, logits.device)
    wide = (columns @ values).flatten(2)
    return (rows @ wide).view(-1, size[0], size[1], logits.shape[1])


def _weights(
    logits: Sequence[int], size: Sequence[int], grid: Grid, seen: Sequence[int] | None, device: torch.device
) -> list[Tensor]:
    return [grid.weights(*sides, device) for sides in zip(logits, size, seen or size, strict=True)]
