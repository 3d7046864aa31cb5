"""Regions that are carried from a reduced image to the image itself."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from boxsup.image.enlarging import enlarged
from boxsup.image.scaling import reduced, working_size


def disc(side: int) -> NDArray[np.bool_]:
    """side×side, true on a disc in the middle."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.asarray(x**2 + y**2 < (0.3 * side) ** 2)


def picture(mask: NDArray[np.bool_], noise: float) -> NDArray[np.uint8]:
    """A picture of two colours, with noise of this many grey levels."""
    values = np.where(mask[..., None], (200, 120, 60), (60, 90, 150))
    noisy = values + np.random.default_rng(0).normal(0, noise, values.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("noise", [0, 12])
def test_borders_follow_the_edges_of_the_full_image(noise: float) -> None:
    """Enlarged 8 times by itself, the reduced disc misses many pixels; along the edges hardly any."""
    mask = disc(512)
    image = picture(mask, noise)
    small = cv2.resize(mask.astype(np.uint8), (64, 64), interpolation=cv2.INTER_AREA).astype(np.uint16)
    wrong = (enlarged(small, image) != mask).sum()
    nearest = (small[np.arange(512) // 8][:, np.arange(512) // 8] != mask).sum()
    assert nearest > 1000
    assert wrong < 0.15 * nearest


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    tall=st.integers(0, 40),
    wide=st.integers(0, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_region_stays(height: int, width: int, tall: int, wide: int, seed: int) -> None:
    """Whatever the sizes and the pixels, the numbers are the same, and the map has the size of the image."""
    random = np.random.default_rng(seed)
    numbers = random.integers(0, 6, (height, width))
    labels = np.unique(numbers, return_inverse=True)[1].reshape(height, width).astype(np.uint16)
    image = random.integers(0, 256, (height + tall, width + wide, 3), np.uint8)
    result = enlarged(labels, image)
    assert result.shape == image.shape[:2]
    assert result.dtype == np.uint16
    np.testing.assert_array_equal(np.unique(result), np.unique(labels))


def test_an_image_of_the_same_size_keeps_its_regions() -> None:
    labels = np.random.default_rng(1).integers(0, 4, (5, 7)).astype(np.uint16)
    labels[0, :4] = range(4)
    np.testing.assert_array_equal(enlarged(labels, np.zeros((5, 7, 3), np.uint8)), labels)


@given(height=st.integers(1, 20_000), width=st.integers(1, 20_000), megapixels=st.floats(0.01, 50))
def test_working_size(height: int, width: int, megapixels: float) -> None:
    """It is within the limit, keeps the shape, and is the image's own within the limit."""
    rows, columns = working_size(height, width, megapixels)
    if height * width <= megapixels * 1e6:
        assert (rows, columns) == (height, width)
    elif min(rows, columns) > 1:
        assert rows * columns <= megapixels * 1e6
        factor = rows / height
        assert abs(columns - width * factor) <= 1 + width / height


def test_reduced_averages() -> None:
    image = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)
    assert reduced(image, 2, 4) is image
    np.testing.assert_allclose(reduced(image, 1, 2)[0, 0], image[:, :2].mean((0, 1)), atol=0.5)
