"""Each kind of image file becomes the RGB that docs/data.md says, or one clear error."""

import cv2
import numpy as np
import pytest
from PIL import Image

from boxsup.errors import DataError
from boxsup.image.files import has_16_bits, read_image
from helpers import odd_images as odd

RIGHT = np.s_[:, odd.WIDTH // 2 :]


@pytest.fixture
def read(tmp_path):
    def written(write):
        write(tmp_path / "image.jpg")  # a name says nothing about what is in a file
        return read_image(tmp_path / "image.jpg")

    return written


@pytest.mark.parametrize("write", odd.READABLE, ids=lambda write: write.__name__)
def test_every_kind_is_rgb_of_its_size(read, write):
    pixels = read(write)
    assert pixels.dtype == np.uint8
    expected = {odd.one_pixel: (1, 1), odd.long: (3, 5000)}.get(write, (odd.HEIGHT, odd.WIDTH))
    assert pixels.shape == (*expected, 3)


@pytest.mark.parametrize("write", odd.UNREADABLE, ids=lambda write: write.__name__)
def test_what_is_no_picture_is_one_line_that_names_it(read, write):
    with pytest.raises(DataError, match=r"image\.jpg: not a readable image") as caught:
        read(write)
    assert "\n" not in str(caught.value)


def test_grey_is_in_all_channels(read):
    pixels = read(odd.grey)
    assert (pixels == pixels[..., :1]).all()
    assert len(np.unique(pixels)) > 20


@pytest.mark.parametrize("write", [odd.rgba, odd.grey_alpha])
def test_transparent_pixels_are_white_and_the_others_as_they_were(read, write):
    pixels = read(write)
    assert (pixels[RIGHT] == 255).all()
    opaque = odd.picture() if write is odd.rgba else read(odd.grey)
    assert np.array_equal(pixels[:, : odd.WIDTH // 2], opaque[:, : odd.WIDTH // 2])


def test_a_see_through_colour_of_a_palette_is_white(read):
    colours = np.unique(read(odd.palette_transparent).reshape(-1, 3), axis=0)
    assert colours.tolist() == [[10, 20, 30], [255, 255, 255]]


def test_sixteen_bits_are_scaled_and_not_clipped(read):
    assert np.array_equal(read(odd.grey16), np.repeat(odd.picture()[..., :1], 3, axis=2))


@pytest.mark.parametrize(
    ("ending", "most", "sixteen"),
    [("png", 1023, True), ("tif", 4095, True), ("pgm", 65535, True), ("png", 255, False), ("tif", 255, False)],
)
def test_how_many_bits_a_value_has_is_known_and_the_high_byte_is_seen(tmp_path, ending, most, sixteen):
    values = np.linspace(0, most, odd.HEIGHT * odd.WIDTH).reshape(odd.HEIGHT, odd.WIDTH)
    values = values.astype(np.uint16 if sixteen else np.uint8)
    Image.fromarray(values).save(tmp_path / f"image.{ending}")
    assert has_16_bits(tmp_path / f"image.{ending}") == sixteen
    np.testing.assert_array_equal(read_image(tmp_path / f"image.{ending}")[..., 0], values >> 8 if sixteen else values)


def test_colours_of_sixteen_bits_are_known_too(tmp_path):
    cv2.imwrite(str(tmp_path / "image.png"), np.full((4, 5, 3), 1023, np.uint16))
    assert has_16_bits(tmp_path / "image.png")
    assert (read_image(tmp_path / "image.png") == 3).all()


def test_cmyk_looks_like_its_original(read):
    assert np.abs(read(odd.cmyk).astype(int) - odd.picture()).mean() < 6


def test_exif_orientation_is_not_applied(read):
    assert np.abs(read(odd.turned).astype(int) - odd.picture()).mean() < 6


def test_one_colour_stays_one_colour(read):
    assert np.unique(read(odd.constant).reshape(-1, 3), axis=0).tolist() == [[7, 8, 9]]
