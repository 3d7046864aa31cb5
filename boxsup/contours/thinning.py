"""Thin lines from a map of boundary strength, as in the evaluation of structured forests and HED.

After Dollar & Zitnick (PAMI 2015) and their released `edgesDetect`, `edgesNms` and `convTri`.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled

ORIENTATION_RADIUS = 4  # px, of the triangle filter before orientations are taken
TOLERANCE = 1.01  # a pixel stays unless a neighbour across the line is stronger by more than this factor
MARGIN = 5  # px at the image's border, over which strengths fade to 0


def suppress_non_maxima(strength: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keep the pixels that are strongest across their own orientation.

    Args:
        strength: H×W, not negative.

    Returns:
        H×W: the strength, smoothed by a triangle of radius 1; 0 if another point one pixel across the line is stronger;
        faded over `MARGIN` pixels at the border.
    """
    smooth = _triangle(np.ascontiguousarray(strength, np.float32), 1)
    thin = np.zeros_like(smooth)
    _keep_ridges(smooth, _across(smooth), thin)
    for axis, size in enumerate(thin.shape):
        thin *= np.expand_dims(_fade(size), 1 - axis)
    return thin


def skeleton(edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thin lines to one pixel (Guo & Hall, CACM 1989, like MATLAB's `bwmorph(…, 'thin')`, which differs in corners)."""
    padded = np.pad(edges.astype(np.uint8), 1)  # OpenCV leaves the outermost pixels as they are
    thin = cv2.ximgproc.thinning(padded * 255, thinningType=cv2.ximgproc.THINNING_GUOHALL)
    return np.asarray(thin[1:-1, 1:-1] > 0)


def _triangle(image: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    rise = np.arange(1, radius + 2, dtype=np.float32)
    kernel = np.concatenate([rise, rise[-2::-1]]) / (radius + 1) ** 2
    return np.asarray(cv2.sepFilter2D(image, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT), np.float32)


def _across(smooth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the direction across the line at each pixel, radians in [0, π), from second derivatives.

    The original multiplies by sign(-dxy), which is 0 on an exactly horizontal line and turns its direction along it.
    """
    wide = _triangle(smooth, ORIENTATION_RADIUS)
    dx, dy = _difference(wide, 1), _difference(wide, 0)
    dxx, dxy, dyy = _difference(dx, 1), _difference(dx, 0), _difference(dy, 0)
    sign = np.where(dxy > 0, np.float32(-1), np.float32(1))
    return np.mod(np.arctan(dyy * sign / (dxx + np.float32(1e-5))), np.float32(math.pi))


def _difference(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Compute central differences, one-sided at the border; 0 along an axis of one pixel."""
    if values.shape[axis] == 1:
        return np.zeros_like(values)
    return np.asarray(np.gradient(values, axis=axis), np.float32)


def _fade(size: int) -> NDArray[np.float32]:
    margin = min(MARGIN, size // 2)
    position = np.minimum(np.arange(size), np.arange(size)[::-1])
    return np.minimum(position / max(margin, 1), 1).astype(np.float32) if margin else np.ones(size, np.float32)


@compiled
def _keep_ridges(smooth: NDArray[np.float32], across: NDArray[np.float32], thin: NDArray[np.float32]) -> None:
    height, width = smooth.shape
    for y in range(height):
        for x in range(width):
            least, dx, dy = smooth[y, x] * TOLERANCE, math.cos(across[y, x]), math.sin(across[y, x])
            if least >= _between(smooth, y + dy, x + dx) and least >= _between(smooth, y - dy, x - dx):
                thin[y, x] = smooth[y, x]


@compiled
def _between(values: NDArray[np.float32], y: float, x: float) -> float:
    """Interpolate bilinearly; outside, take the nearest pixel."""
    height, width = values.shape
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    v, u = y - top, x - left
    above = (1 - u) * values[top, left] + u * values[top, right]
    below = (1 - u) * values[bottom, left] + u * values[bottom, right]
    return float((1 - v) * above + v * below)
