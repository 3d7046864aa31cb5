"""Draws colours and textures of the demo data. Images are H×W×3 float32 RGB in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.float32]
Field = NDArray[np.float32]


def object_texture(
    kind: int, kinds: int, height: int, width: int, hue_spread: float, draws: np.random.Generator
) -> Rgb:
    """The texture of an object of class `kind` (from 0) of `kinds`.

    The hue is drawn around that of the class, with a standard deviation of `hue_spread` degrees. The pattern is that of
    the class, with random direction and scale.
    """
    hue = 360 * kind / kinds + draws.normal(0, hue_spread)
    saturation, value = draws.uniform(0.4, 0.85), draws.uniform(0.45, 0.9)
    pattern = PATTERNS[kind % len(PATTERNS)](*_coordinates(height, width, draws), draws)
    contrast = draws.uniform(0.1, 0.18)
    shading = 0.08 * smooth_noise(height, width, 40, draws)
    return hsv_image(
        hue + 14 * pattern + np.zeros((height, width), np.float32),
        saturation - 0.1 * pattern,
        value + contrast * pattern + shading,
    )


def blob_texture(height: int, width: int, draws: np.random.Generator) -> Rgb:
    """The texture of a blob that belongs to no class: any hue, plain or softly mottled."""
    mottle = smooth_noise(height, width, float(draws.uniform(4, 20)), draws)
    hue = np.full((height, width), draws.uniform(0, 360), np.float32)
    return hsv_image(
        hue, draws.uniform(0.2, 0.8) + 0 * mottle, draws.uniform(0.3, 0.9) + draws.uniform(0, 0.1) * mottle
    )


def background(height: int, width: int, draws: np.random.Generator) -> Rgb:
    """A background: a gradient between two dull colours, plus noise at several scales."""
    x, _ = _coordinates(height, width, draws)
    ramp = (x - x.min()) / np.ptp(x)
    hues = draws.uniform(0, 360) + np.array([0, draws.uniform(-90, 90)])
    noise = sum(smooth_noise(height, width, size, draws) * weight for size, weight in ((2, 0.03), (8, 0.06), (30, 0.1)))
    hue = hues[0] + (hues[1] - hues[0]) * ramp + 25 * smooth_noise(height, width, 25, draws)
    values = draws.uniform(0.3, 0.85, size=2)
    return hsv_image(hue, draws.uniform(0.1, 0.5) + 0 * ramp, values[0] + (values[1] - values[0]) * ramp + noise)


def smooth_noise(height: int, width: int, size: float, draws: np.random.Generator) -> Field:
    """H×W noise with blobs of about `size` pixels, mean 0 and variance about 1."""
    rows, columns = int(height / size) + 3, int(width / size) + 3
    coarse = draws.normal(0, 1.2, size=(rows, columns)).astype(np.float32)
    fine = cv2.resize(coarse, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine[:height, :width], np.float32)


def hsv_image(hue: Field, saturation: Field, value: Field) -> Rgb:
    """Convert H×W hue in degrees (any range), saturation and value (clipped to [0, 1]) to RGB.

    >>> hsv_image(*(np.full((1, 1), value, np.float32) for value in (360, 1, 1)))[0, 0].tolist()
    [1.0, 0.0, 0.0]
    """
    parts = (hue % 360, np.clip(saturation, 0, 1), np.clip(value, 0, 1))
    stacked = np.stack([np.asarray(part, np.float32) for part in parts], axis=2)
    return np.asarray(cv2.cvtColor(stacked, cv2.COLOR_HSV2RGB), np.float32)


def _coordinates(height: int, width: int, draws: np.random.Generator) -> tuple[Field, Field]:
    """Pixel coordinates x and y, rotated by a random angle."""
    angle = draws.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


# Patterns map rotated pixel coordinates to values in [-1, 1].


def _stripes(x: Field, y: Field, draws: np.random.Generator) -> Field:
    return np.asarray(np.sin(2 * np.pi * x / draws.uniform(6, 8)), np.float32)


def _dots(x: Field, y: Field, draws: np.random.Generator) -> Field:
    period = draws.uniform(6, 8)
    return np.asarray(
        np.clip(2 * np.sin(2 * np.pi * x / period) * np.sin(2 * np.pi * y / period), 0, 1) * 2 - 0.5, np.float32
    )


def _checks(x: Field, y: Field, draws: np.random.Generator) -> Field:
    period = draws.uniform(10, 13)
    return np.asarray(np.clip(6 * np.sin(2 * np.pi * x / period) * np.sin(2 * np.pi * y / period), -1, 1), np.float32)


def _grain(x: Field, y: Field, draws: np.random.Generator) -> Field:
    noise = smooth_noise(x.shape[0], x.shape[1], 2.5, draws)
    return np.asarray(np.clip(noise, -1, 1), np.float32)


def _waves(x: Field, y: Field, draws: np.random.Generator) -> Field:
    period = draws.uniform(9, 12)
    return np.asarray(np.sin(2 * np.pi * (x + 2.5 * np.sin(2 * np.pi * y / 14)) / period), np.float32)


def _lattice(x: Field, y: Field, draws: np.random.Generator) -> Field:
    period = draws.uniform(7, 9)
    return np.asarray(
        np.maximum(np.cos(2 * np.pi * x / period), np.cos(2 * np.pi * y / period)) * 1.3 - 0.5, np.float32
    )


PATTERNS: tuple[Callable[[Field, Field, np.random.Generator], Field], ...] = (
    _stripes,
    _dots,
    _checks,
    _grain,
    _waves,
    _lattice,
)
