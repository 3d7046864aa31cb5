"""Features of pixels for Selective Search: colour spaces, and histograms of colour and texture.

Everything up to the histograms' counts is in 8 or 16-bit integers, so that no result depends on rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled

COLOUR_BINS = 25  # per channel; Uijlings et al., section 3.2
TEXTURE_BINS = 10  # per channel and orientation
ORIENTATIONS = 8
TEXTURE_RANGE = 0.25  # share of a channel's range per pixel: the steepest gradient with a bin of its own
BLUR_SIGMA = 1.0  # px, of the Gaussian derivatives


def _hsv(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL), np.uint8)


def _lab(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    space = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.int16)
    # Scale a and b from [-128, 127] to [-100, 100], nearly all that RGB reaches, so that they weigh as much as L.
    space[..., 1:] = (space[..., 1:] - 128) * 51 // 40 + 128
    return np.clip(space, 0, 255).astype(np.uint8)


def _rgi(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    total = np.maximum(image.sum(axis=2, dtype=np.int32, keepdims=True), 1)
    return np.concatenate([image[..., :2] * np.int32(255) // total, total // 3], axis=2).astype(np.uint8)


def _h(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return _hsv(image)[..., :1]


def _i(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]


# Uijlings et al., section 3.2: HSV, Lab, rg of normalised RGB plus intensity, hue alone, intensity alone.
COLOUR_SPACES: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "hsv": _hsv,
    "lab": _lab,
    "rgi": _rgi,
    "h": _h,
    "i": _i,
}


def colour_space(image: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """Convert an image to another colour space.

    Args:
        image: H×W×3 RGB in [0, 255].
        name: One of `COLOUR_SPACES`.

    Returns:
        H×W×3, or H×W×1 for `h` and `i`; each channel scaled to [0, 255].

    Example:
        >>> colour_space(np.array([[[255, 0, 0]]], np.uint8), "hsv")
        array([[[  0, 255, 255]]], dtype=uint8)
    """
    return np.ascontiguousarray(COLOUR_SPACES[name](np.ascontiguousarray(image)))


def colour_bins(space: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the histogram bin of each pixel in each channel; the bins of the channels follow each other.

    Args:
        space: H×W×C in [0, 255].

    Returns:
        H×W×C in [0, 25 C - 1].

    Example:
        >>> colour_bins(np.array([[[0, 255]]], np.uint8))
        array([[[ 0, 49]]], dtype=uint8)
    """
    offsets = COLOUR_BINS * np.arange(space.shape[2], dtype=np.uint8)
    return (space.astype(np.uint16) * COLOUR_BINS // 256).astype(np.uint8) + offsets


def texture_bins(space: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the histogram bin of each pixel's Gaussian derivative, in eight orientations of each channel.

    A negative derivative counts as 0; the opposite orientation has it (section 3.2 of Uijlings et al.).

    Args:
        space: H×W×C in [0, 255].

    Returns:
        H×W×8C in [0, 80 C - 1].

    Example:
        >>> texture_bins(np.zeros((4, 4, 1), np.uint8))[0, 0]
        array([ 0, 10, 20, 30, 40, 50, 60, 70], dtype=uint8)
    """
    # OpenCV blurs 16-bit images in integers, equally on every machine.
    blurred = cv2.GaussianBlur(space.astype(np.uint16) * 256, (7, 7), BLUR_SIGMA).reshape(space.shape)
    bins = np.empty((*space.shape[:2], ORIENTATIONS * space.shape[2]), np.uint8)
    _derivative_bins(np.asarray(blurred, np.uint16), TEXTURE_BINS / (TEXTURE_RANGE * 255 * 256), bins)
    return bins


def histograms(
    labels: NDArray[np.int32], regions: int, bins: NDArray[np.uint8], channels: int, bins_per_channel: int
) -> NDArray[np.int32]:
    """Count how often each bin occurs in each region.

    Args:
        labels: H×W region of each pixel, 0…regions-1.
        regions: R, number of regions.
        bins: H×W×K bins, from `colour_bins` or `texture_bins`.
        channels: K; for texture, 8 per channel of the image.
        bins_per_channel: B, number of bins per channel.

    Returns:
        R×KB counts; those of a region add up to K times its pixels.

    Example:
        >>> histograms(np.array([[0, 1, 1]], np.int32), 2, np.array([[[0], [1], [1]]], np.uint8), 1, 2)
        array([[1, 0],
               [0, 2]], dtype=int32)
    """
    counts = np.zeros((regions, channels * bins_per_channel), np.int32)
    _count(labels, bins, counts)
    return counts


def region_histograms(
    labels: NDArray[np.int32], regions: int, colour: NDArray[np.uint8], texture: NDArray[np.uint8]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Count the bins of colour and of texture in each region, R×B and R×T, given the bins of each pixel."""
    return (
        histograms(labels, regions, colour, colour.shape[2], COLOUR_BINS),
        histograms(labels, regions, texture, texture.shape[2], TEXTURE_BINS),
    )


@compiled
def _derivative_bins(blurred: NDArray[np.uint16], scale: float, bins: NDArray[np.uint8]) -> None:
    height, width, channels = blurred.shape
    diagonal = math.sqrt(0.5)
    for y in range(height):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            for c in range(channels):
                dx = (np.int64(blurred[y, right, c]) - np.int64(blurred[y, left, c])) * (0.5 * scale)
                dy = (np.int64(blurred[below, x, c]) - np.int64(blurred[above, x, c])) * (0.5 * scale)
                derivatives = (dx, (dx + dy) * diagonal, dy, (dy - dx) * diagonal)
                for k in range(4):
                    bin_ = min(int(abs(derivatives[k])), TEXTURE_BINS - 1)
                    first = ORIENTATIONS * c + 2 * k
                    rises = derivatives[k] > 0
                    bins[y, x, first] = first * TEXTURE_BINS + (bin_ if rises else 0)
                    bins[y, x, first + 1] = (first + 1) * TEXTURE_BINS + (0 if rises else bin_)


@compiled
def _count(labels: NDArray[np.int32], bins: NDArray[np.uint8], counts: NDArray[np.int32]) -> None:
    height, width, channels = bins.shape
    for y in range(height):
        for x in range(width):
            region = labels[y, x]
            for c in range(channels):
                counts[region, bins[y, x, c]] += 1
