import cv2
import numpy as np
import pytest

from boxsup.contours.gradient import gradient
from helpers.discs import disc


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 90)])
def test_a_constant_image_has_no_contour(colour):
    strength = gradient(np.full((40, 50, 3), colour, np.uint8))
    assert strength.max() < 1e-3


def test_the_edge_of_a_disc_is_the_strongest():
    strength = gradient(disc(96, 48, 25)[0])
    y, x = np.mgrid[:96, :96]
    off = np.abs(np.hypot(y - 48, x - 48) - 25)
    assert strength[off < 1].min() > 2 * strength[off > 12].max()
    assert off[np.unravel_index(strength.argmax(), strength.shape)] < 2


def test_colours_of_one_lightness_are_told_apart():
    lab = np.full((48, 48, 3), (60, 40, 0), np.float32)
    lab[:, 24:] = (60, -40, 0)
    image = np.rint(255 * cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)).astype(np.uint8)
    assert abs(int(gradient(image)[24].argmax()) - 24) <= 1


def test_textures_of_one_mean_are_told_apart():
    y, x = np.mgrid[:96, :96]
    stripes = np.where(x < 48, 128 + 40 * np.sin(np.pi * x / 2), 128 + 40 * np.sin(np.pi * y / 2))
    image = np.repeat(stripes.astype(np.uint8)[..., None], 3, axis=2)
    across = gradient(image)[20:-20].mean(axis=0)
    assert abs(int(across[10:-10].argmax()) + 10 - 48) <= 5


def test_a_turned_image_has_the_turned_contour():
    image = disc(64, 30, 15)[0]
    assert gradient(np.rot90(image)) == pytest.approx(np.rot90(gradient(image)), abs=2e-3)


def test_the_same_bits_whatever_opencvs_threads():
    image = np.random.default_rng(0).integers(0, 256, (120, 90, 3), np.uint8)
    before = cv2.getNumThreads()
    try:
        results = []
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            results.append(gradient(image))
    finally:
        cv2.setNumThreads(before)
    assert (results[0] == results[1]).all()
