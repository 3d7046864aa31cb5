"""Working sizes: large images are worked on at a size that method and memory were made for."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

MILLION = 1_000_000


def working_size(height: int, width: int, megapixels: float) -> tuple[int, int]:
    """The height and width at which an image is worked on: its own, or less if it has more megapixels than that.

    >>> working_size(375, 500, 0.31), working_size(3000, 4000, 0.3)
    ((375, 500), (474, 632))
    """
    factor = math.sqrt(megapixels * MILLION / (height * width))
    if factor >= 1:
        return height, width
    return max(1, int(height * factor)), max(1, int(width * factor))


def working_size_of(image: NDArray[np.uint8], megapixels: float) -> tuple[int, int]:
    """The `working_size` of an H×W×3 image."""
    height, width, _ = image.shape
    return working_size(height, width, megapixels)


def reduced(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Reduce an H×W×3 image by averages of its pixels; an image that has this size comes back as it is."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def sampled(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize an H×W map of labels to another height and width: each pixel by the value in its middle.

    >>> sampled(np.array([[1, 2, 3, 4]]), (1, 2))
    array([[2, 4]])
    """
    if labels.shape == size:
        return labels
    rows, columns = ((2 * np.arange(new) + 1) * old // (2 * new) for new, old in zip(size, labels.shape, strict=True))
    return np.asarray(labels[:, columns][rows])
