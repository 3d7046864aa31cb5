"""Random scale, crop and mirror of an image together with its labels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.config.training import TrainingSettings
from boxsup.image import VOID
from boxsup.network.images import IMAGENET

PAD = tuple(round(255 * mean) for mean in IMAGENET.mean)  # about zero after normalisation, as RGB


def augment(
    image: NDArray[np.uint8], labels: NDArray[np.uint8], settings: TrainingSettings, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Scale, crop and mirror an image and its labels at random.

    Args:
        image: H×W×3 uint8 RGB.
        labels: H×W uint8.
        settings: `scale` (the range of the factor, drawn uniformly), `crop` (the side in pixels), `mirror` (whether to
            mirror half of the images).
        random: The generator to draw from; the number and order of the draws never change.

    Returns:
        crop×crop×3 and crop×crop uint8. A scaled image that is smaller is padded at the right and bottom, with
        ImageNet's mean colour and with void.
    """
    low, high = settings.scale
    scale, mirror, top, left = random.uniform(low, high), random.random() < 0.5, *random.random(2)
    height, width = (max(1, round(side * scale)) for side in labels.shape)
    if (height, width) != labels.shape:
        image, labels = _resize(image, labels, height, width)
    crop = settings.crop
    y, x = int(top * (max(0, height - crop) + 1)), int(left * (max(0, width - crop) + 1))
    image, labels = _pad(image[y : y + crop, x : x + crop], labels[y : y + crop, x : x + crop], crop)
    if settings.mirror and mirror:
        image, labels = image[:, ::-1], labels[:, ::-1]
    return np.ascontiguousarray(image), np.ascontiguousarray(labels)


def _resize(
    image: NDArray[np.uint8], labels: NDArray[np.uint8], height: int, width: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    smooth = cv2.INTER_AREA if height < labels.shape[0] else cv2.INTER_LINEAR
    return (
        np.asarray(cv2.resize(image, (width, height), interpolation=smooth), np.uint8),
        np.asarray(cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8),
    )


def _pad(image: NDArray[np.uint8], labels: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pad an image and its labels to side×side at the right and bottom."""
    height, width = labels.shape
    border = 0, side - height, 0, side - width, cv2.BORDER_CONSTANT
    return (
        np.asarray(cv2.copyMakeBorder(image, *border, value=PAD), np.uint8),
        np.asarray(cv2.copyMakeBorder(labels, *border, value=(VOID,)), np.uint8),
    )
