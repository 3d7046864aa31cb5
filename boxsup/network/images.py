"""How networks take images."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Normalisation(NamedTuple):
    """What a network's images are brought to mean 0 and deviation 1 by: of red, green and blue in [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


# What torchvision's weights were trained with.
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def normalise(image: NDArray[np.uint8], by: Normalisation = IMAGENET) -> Tensor:
    """An H×W×3 uint8 RGB image as a network takes it: 3×H×W float32, (value / 255 - mean) / std."""
    levels = np.arange(256, dtype=np.float32)[None, :, None]
    table = (levels / 255 - np.asarray(by.mean, np.float32)) / np.asarray(by.std, np.float32)
    return torch.from_numpy(cv2.LUT(image, table).transpose(2, 0, 1))
