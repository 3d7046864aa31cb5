"""Normalises images for networks."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Normalisation(NamedTuple):
    """The mean and standard deviation that a network's images are normalised by.

    Attributes:
        mean: Mean of red, green and blue, in [0, 1].
        std: Standard deviation of red, green and blue, in the same unit.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


# The normalisation that torchvision's weights were trained with.
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def normalise(image: NDArray[np.uint8], normalisation: Normalisation = IMAGENET) -> Tensor:
    """Make the tensor that a network takes from an image.

    Args:
        image: H×W×3 uint8 RGB.
        normalisation: The network's mean and standard deviation.

    Returns:
        3×H×W float32, (value / 255 - mean) / std.

    >>> normalise(np.full((1, 1, 3), 255, np.uint8), Normalisation((0.5, 0.5, 0.5), (0.5, 0.25, 1.0))).flatten()
    tensor([1.0000, 2.0000, 0.5000])
    """
    levels = np.arange(256, dtype=np.float32)[None, :, None]
    table = (levels / 255 - np.asarray(normalisation.mean, np.float32)) / np.asarray(normalisation.std, np.float32)
    return torch.from_numpy(cv2.LUT(image, table).transpose(2, 0, 1))
