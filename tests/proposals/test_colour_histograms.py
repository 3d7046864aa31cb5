from __future__ import annotations

import numpy as np
import pytest

from boxsup.proposals.colour import COLOUR_SPACES, colour_bins, colour_space, histograms, texture_bins
from boxsup.random import generator

CHANNELS = {"hsv": 3, "lab": 3, "rgi": 3, "h": 1, "i": 1}


@pytest.fixture
def noise():
    return generator(0, "test").integers(0, 256, (13, 17, 3), np.uint8)


@pytest.mark.parametrize("name", COLOUR_SPACES)
def test_spaces_have_their_channels(noise, name):
    space = colour_space(noise, name)
    assert space.shape == (13, 17, CHANNELS[name])
    assert space.dtype == np.uint8
    assert np.ptp(space) > 100


@pytest.mark.parametrize(
    ("name", "colour", "expected"),
    [
        ("rgi", (30, 60, 10), (76, 153, 33)),  # 255·30/100, 255·60/100, 100/3
        ("rgi", (0, 0, 0), (0, 0, 0)),
        ("i", (90, 90, 90), (90,)),
        ("hsv", (0, 255, 0), (85, 255, 255)),  # green: a third of the circle
        ("h", (0, 0, 255), (170,)),
        ("lab", (255, 255, 255), (255, 128, 128)),
        # L* 53.2, a* 80.1, b* 67.2; a and b span 51/40 steps a unit
        ("lab", (255, 0, 0), (53.24 * 2.55, 80.09 * 51 / 40 + 128, 67.2 * 51 / 40 + 128)),
    ],
)
def test_colours_known_by_hand(name, colour, expected):
    assert colour_space(np.full((2, 2, 3), colour, np.uint8), name)[0, 0].tolist() == pytest.approx(expected, abs=1.5)


def test_colour_bins_split_the_range_evenly():
    ramp = np.arange(256, dtype=np.uint8)
    bins = colour_bins(np.stack([ramp, ramp[::-1]], axis=1)[None])
    assert bins[0, 0].tolist() == [0, 25 + 24]
    assert bins[0, -1].tolist() == [24, 25]
    assert set(np.bincount(bins[0, :, 0])) == {10, 11}


@pytest.mark.parametrize(
    ("slopes", "rising"),
    # Orientations 0, 45, 90, 135 degrees, each followed by its opposite; 6 grey levels a pixel are 6/255·10/0.25 = 0.94
    # bins, 7 are 1.098, and 7·√2 are 1.55.
    [
        ((7, 0), {0: 1}),
        ((-7, 0), {1: 1}),
        ((0, 7), {4: 1}),
        ((6, 0), {}),
        ((7, 7), {0: 1, 2: 1, 4: 1}),
        ((-5, 5), {6: 1}),
    ],
)
def test_texture_of_a_ramp_is_its_slope(slopes, rising):
    y, x = np.mgrid[-6:7, -6:7]
    inner = texture_bins((127 + slopes[0] * x + slopes[1] * y).astype(np.uint8)[..., None])[6, 6]
    assert {k: int(b) - 10 * k for k, b in enumerate(inner) if b % 10} == rising


def test_flat_images_have_no_texture():
    assert not (texture_bins(np.full((4, 5, 3), 99, np.uint8)) % 10).any()


def test_histograms_count_every_bin_once_a_pixel(noise):
    labels = generator(1, "test").integers(0, 4, noise.shape[:2]).astype(np.int32)
    for bins, per_channel in ((colour_bins(noise), 25), (texture_bins(noise), 10)):
        counts = histograms(labels, 4, bins, bins.shape[2], per_channel)
        expected = [np.bincount(bins[labels == r].ravel(), minlength=counts.shape[1]) for r in range(4)]
        assert np.array_equal(counts, expected)
        channels = counts.reshape(4, -1, per_channel).sum(axis=2)
        assert np.array_equal(channels, np.repeat(np.bincount(labels.ravel())[:, None], bins.shape[2], axis=1))
