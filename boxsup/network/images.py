"""How networks take images."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Of ImageNet, in [0, 1], red, green, blue: what torchvision's weights were trained with.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalised(image: NDArray[np.uint8]) -> Tensor:
    """An H×W×3 uint8 RGB image as 3×H×W float32 of mean 0 and deviation 1 over ImageNet."""
    scaled = (image.astype(np.float32) / 255 - np.asarray(MEAN, np.float32)) / np.asarray(STD, np.float32)
    return torch.from_numpy(scaled.transpose(2, 0, 1))


def device() -> torch.device:
    """The accelerator where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
