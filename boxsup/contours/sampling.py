"""Training data of the contour network: random squares of photographs, and how far people agree on their boundaries."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.contours.bsds import Annotated

SCALES = (0.6, 1.5)  # of the image, drawn log-uniformly
CONTRAST = (0.7, 1.3)
COLOUR_SHIFT = 0.12  # largest shift per channel, as a share of the range
GREY = 0.1  # share of the squares
REACH = 1.0  # px: a boundary's weight falls off as a Gaussian of this deviation


def consensus(segmentations: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Compute how far annotators agree that a boundary runs at each pixel.

    Args:
        segmentations: A×H×W regions.

    Returns:
        H×W in [0, 1]: the mean over the annotators of exp(-d²/2), d the distance in pixels to the nearest pixel with
        another region beside or below it (on either side: mirrored regions give the mirrored map).
    """
    total = np.zeros(segmentations.shape[1:], np.float32)
    for regions in segmentations:
        inside = ~_touching(regions)
        if not inside.all():
            distance = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
            total += np.exp(-0.5 * (np.asarray(distance, np.float32) / REACH) ** 2)
    return total / np.float32(len(segmentations))


def random_square(
    annotated: Annotated, side: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw a random square of an image, scaled, turned, mirrored and recoloured, and its consensus.

    Args:
        annotated: An image with its annotations.
        side: Side of the square, px.
        random: The generator; draws are always the same in order and number.

    Returns:
        side×side×3 RGB around [0, 1], and side×side in [0, 1].
    """
    scale, top, left = np.exp(random.uniform(*np.log(SCALES))), *random.random(2)
    turns, mirror = int(random.integers(4)), random.random() < 0.5
    height, width = annotated.image.shape[:2]
    cut = min(int(np.ceil(side / scale)), height, width)
    y, x = int(top * (height - cut + 1)), int(left * (width - cut + 1))
    image = _resize(annotated.image[y : y + cut, x : x + cut], side)
    stack = annotated.segmentations[:, y : y + cut, x : x + cut].transpose(1, 2, 0)
    resized = cv2.resize(stack, (side, side), interpolation=cv2.INTER_NEAREST_EXACT)
    regions = np.asarray(resized, np.uint16).reshape(side, side, -1)
    image, regions = np.rot90(image, turns), np.rot90(regions, turns)
    if mirror:
        image, regions = image[:, ::-1], regions[:, ::-1]
    return _recolour(image, random), consensus(np.ascontiguousarray(regions.transpose(2, 0, 1)))


def _touching(regions: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Return the pixels on both sides of each boundary."""
    touching = np.zeros(regions.shape, bool)
    across, down = regions[:, 1:] != regions[:, :-1], regions[1:] != regions[:-1]
    touching[:, 1:] |= across
    touching[:, :-1] |= across
    touching[1:] |= down
    touching[:-1] |= down
    return touching


def _resize(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    smooth = cv2.INTER_AREA if side < len(image) else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=smooth), np.uint8)


def _recolour(image: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.float32]:
    contrast, shift, grey = random.uniform(*CONTRAST), random.uniform(-COLOUR_SHIFT, COLOUR_SHIFT, 3), random.random()
    pixels = (image.astype(np.float32) / 255 - 0.5) * np.float32(contrast) + 0.5 + shift.astype(np.float32)
    if grey < GREY:
        pixels[:] = pixels.mean(axis=2, keepdims=True)
    return np.asarray(pixels, np.float32)
