from pathlib import Path

import numpy as np
from PIL import Image

from boxsup.image.palette import PALETTE, css_colour, overlay, text_colour


def test_the_colours_that_the_devkit_documents() -> None:
    known = {0: (0, 0, 0), 1: (128, 0, 0), 8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128), 255: (224, 224, 192)}
    assert {label: tuple(PALETTE[label].tolist()) for label in known} == known
    assert css_colour(15) == "#c08080"


def test_the_palette_of_real_masks(voc_mini: Path) -> None:
    with Image.open(min((voc_mini / "SegmentationClass").glob("*.png"))) as mask:
        palette = np.array(mask.getpalette(), np.uint8).reshape(-1, 3)
        used = np.unique(np.asarray(mask))
    assert len(used) > 1
    np.testing.assert_array_equal(palette[used], PALETTE[used])


def test_text_is_legible_on_every_colour() -> None:
    for label in range(1, 256):
        colours = np.array([PALETTE[label], text_colour(label)]) / 255
        linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
        dark, light = sorted(linear @ (0.2126, 0.7152, 0.0722))
        assert (light + 0.05) / (dark + 0.05) > 4.4  # contrast of WCAG 2, whose level AA is 4.5


def test_an_overlay_keeps_the_background_and_blends_the_classes() -> None:
    image, labels = np.full((7, 7, 3), 100, np.uint8), np.zeros((7, 7), np.uint8)
    labels[1:6, 1:6] = 1
    shown = overlay(image, labels, grey=False)
    assert shown[0, 0].tolist() == [100, 100, 100]
    assert shown[3, 3].tolist() == [round(0.35 * 100 + 0.65 * 128), 35, 35]
    assert shown[1, 3].tolist() == [255, 255, 255]  # its outline
    assert np.ptp(overlay(np.array([[[200, 10, 10]]], np.uint8), np.zeros((1, 1), np.uint8))) == 0
