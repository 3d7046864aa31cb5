"""Pictures whose objects are known, and what tests ask of the pools made from them."""

from __future__ import annotations

import hashlib

import numpy as np

from boxsup.proposals.pool import Pool
from boxsup.random import generator

NAMES = ("superpixels", "members", "scores")


def scene(seed: int = 0) -> np.ndarray:
    """120×160: eight rectangles of flat colour with noise of one amplitude each."""
    draws = generator(seed, "scene")
    image = np.full((120, 160, 3), 90, np.int64)
    for _ in range(8):
        y, x, height, width = draws.integers((0, 0, 20, 20), (90, 120, 60, 70))
        part = image[y : y + height, x : x + width]
        part[:] = draws.integers(0, 256, 3)
        part += draws.integers(-12, 13, part.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def two_rectangles() -> tuple[np.ndarray, np.ndarray]:
    """A picture of two flat rectangles on a flat ground, and their 2×H×W masks."""
    image = np.full((90, 120, 3), 40, np.uint8)
    masks = np.zeros((2, 90, 120), bool)
    masks[0, 10:40, 10:50] = masks[1, 50:80, 60:110] = True
    image[masks[0]], image[masks[1]] = (250, 60, 60), (60, 60, 250)
    return image, masks


def odd_image(shape: tuple[int, int], flat: bool) -> np.ndarray:
    """A grey picture of a shape, black or of noise."""
    noise = generator(0, "odd").integers(0, 256, (*shape, 1), np.uint8)
    return np.repeat(noise * (not flat), 3, axis=2)


def check_odd_pool(pool: Pool, shape: tuple[int, int], flat: bool) -> None:
    """The pool of an `odd_image` has candidates; where nothing is to be seen, the whole image alone."""
    assert pool.superpixels.shape == shape
    assert len(pool) >= 1
    if flat:
        assert pool.boxes.tolist() == [[0, 0, shape[1], shape[0]]]
        assert pool.mask(0).all()


def best_overlap(pool: Pool, mask: np.ndarray) -> float:
    """The best IoU of a candidate with a mask, by dense masks."""
    masks = np.stack([pool.mask(i) for i in range(len(pool))])
    return float(((masks & mask).sum(axis=(1, 2)) / (masks | mask).sum(axis=(1, 2))).max())


def digest(pool: Pool) -> str:
    """A hash of all that a pool holds."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(getattr(pool, name)).tobytes() for name in NAMES)).hexdigest()


def ious(pool: Pool) -> np.ndarray:
    """N×N: the IoU of each two candidates."""
    matrix = pool.matrix().astype(np.float64)
    pixels = np.bincount(pool.superpixels.ravel())
    common, areas = matrix * pixels @ matrix.T, matrix @ pixels
    return common / (areas[:, None] + areas - common)
