"""A contour detector without training: how fast colour, and the distribution of colour and texture, change.

Like the gradients of Pb (Martin, Fowlkes & Malik, PAMI 2004), with the structure tensor of soft histograms (Di Zenzo,
CVGIP 1986, for many channels) in place of differences between the halves of a disc.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled

# Lower end, upper end and number of soft bins: for lightness, green to red, blue to yellow; then for texture filters.
LAB_BINS = ((0.0, 100.0, 8), (-60.0, 60.0, 10), (-60.0, 60.0, 10))
TEXTURE_BINS = (0.0, 0.45, 4)
TEXTURE_WEIGHT = 0.6  # of a texture histogram's gradient, relative to a colour channel's
COLOUR_SCALE = np.array([1 / 100, 1 / 60, 1 / 60], np.float32)  # of L, a and b where they are compared directly
LEVELS = (2, 4)  # px, deviations of the histograms' windows; each works on an image smaller by this factor
ORIENTATIONS = 4
GABOR = (9, 1.5, 4.0)  # side, deviation and wave length of the texture filters, px
HALF = 0.3  # the summed gradient that maps to a strength of one half


def gradient(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute the boundary strength of each pixel.

    Args:
        image: H×W×3 RGB in [0, 255].

    Returns:
        H×W in [0, 1); 0 on a constant image. It is not a probability.
    """
    pixels = np.ascontiguousarray(image).astype(np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2Lab), np.float32)
    total = _steepest(_blurred(lab * COLOUR_SCALE))
    texture = _texture(lab[..., 0] / np.float32(100))
    for level in LEVELS:
        total += _enlarged(_histogram_gradient(lab, texture, level), total.shape)
    return total / (total + np.float32(HALF * (1 + len(LEVELS))))


def _histogram_gradient(lab: NDArray[np.float32], texture: NDArray[np.float32], level: int) -> NDArray[np.float32]:
    """Sum the gradients of the histograms of an image, reduced by the factor `level`."""
    lab, texture = _reduced(lab, level), _reduced(texture, level)
    total = np.zeros(lab.shape[:2], np.float32)
    for channel, bins in enumerate(LAB_BINS):
        total += _steepest(_blurred(_soft_bins(lab[..., channel : channel + 1], *bins)))
    return total + np.float32(TEXTURE_WEIGHT) * _steepest(_blurred(_soft_bins(texture, *TEXTURE_BINS)))


def _texture(lightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the roots of the energies of even and odd filters in four orientations: H×W×4."""
    responses = np.empty((*lightness.shape, ORIENTATIONS), np.float32)
    for k in range(ORIENTATIONS):
        even, odd = (
            np.asarray(cv2.filter2D(lightness, cv2.CV_32F, _gabor(k * np.pi / ORIENTATIONS, phase)), np.float32)
            for phase in (0.0, np.pi / 2)
        )
        responses[..., k] = np.sqrt(np.sqrt(even**2 + odd**2))
    return responses


def _gabor(angle: float, phase: float) -> NDArray[np.float32]:
    """Make a Gabor filter that does not respond to a constant; its absolute values sum to 1."""
    side, sigma, wave = GABOR
    kernel = cv2.getGaborKernel((side, side), sigma, angle, wave, 1.0, phase, cv2.CV_32F)
    kernel = kernel - kernel.mean()
    return np.asarray(kernel / np.abs(kernel).sum(), np.float32)


def _reduced(maps: NDArray[np.float32], level: int) -> NDArray[np.float32]:
    """Reduce maps by an integer factor, taking the mean of each square."""
    height, width = (max(1, round(side / level)) for side in maps.shape[:2])
    small = cv2.resize(maps, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(height, width, maps.shape[2])


def _enlarged(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _blurred(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Blur each of H×W×K maps by a Gaussian of deviation 1 px."""
    blurred = cv2.GaussianBlur(maps, (7, 7), 1.0, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32).reshape(maps.shape)


def _soft_bins(values: NDArray[np.float32], low: float, high: float, bins: int) -> NDArray[np.float32]:
    """Spread each of H×W×C values over its two nearest bins: H×W×(C bins) weights."""
    position = (np.clip(values, low, high) - np.float32(low)) * np.float32((bins - 1) / (high - low))
    centres = np.arange(bins, dtype=np.float32)
    weights = np.maximum(1 - np.abs(position[..., None] - centres), 0)
    return np.ascontiguousarray(weights.reshape(*values.shape[:2], -1))


def _steepest(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest joint change per pixel of H×W×K maps along any direction: H×W."""
    steepest = np.empty(maps.shape[:2], np.float32)
    _largest_eigenvalue(maps, steepest)
    return steepest


@compiled
def _largest_eigenvalue(maps: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    height, width, channels = maps.shape
    for y in range(height):
        above, below = maps[max(y - 1, 0)], maps[min(y + 1, height - 1)]
        for x in range(width):
            left, right = maps[y, max(x - 1, 0)], maps[y, min(x + 1, width - 1)]
            xx, xy, yy = np.float32(0), np.float32(0), np.float32(0)
            for c in range(channels):
                dx, dy = right[c] - left[c], below[x, c] - above[x, c]
                xx += dx * dx
                xy += dx * dy
                yy += dy * dy
            spread = np.sqrt((xx - yy) * (xx - yy) + 4 * xy * xy)
            out[y, x] = np.float32(0.5) * np.sqrt(np.float32(0.5) * (xx + yy + spread))
