"""Each kind of image file becomes the RGB that docs/data.md says, each mask its labels, or one clear error."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from boxsup.catalogue.oddities import is_dark, is_upright
from boxsup.errors import DataError
from boxsup.image.files import has_16_bits, has_several_frames, read_image, read_mask
from boxsup.image.given import given_pixels
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


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize("mode", ["RGB", "L", "I;16"])
def test_orientation_of_tiff_is_not_applied(tmp_path, mode, compression, orientation):
    path, expected = tmp_path / "image.tif", odd.picture()
    if mode != "RGB":
        expected = np.repeat(expected[..., :1], 3, axis=2)
    pixels = {"RGB": expected, "L": expected[..., 0], "I;16": expected[..., 0].astype(np.uint16) * 257}[mode]
    Image.fromarray(pixels).save(path, tiffinfo={274: orientation}, compression=compression)
    np.testing.assert_array_equal(read_image(path), expected)
    assert not is_upright(path)
    with Image.open(path) as image:
        np.testing.assert_array_equal(given_pixels(image), expected)
        assert image.size == (odd.WIDTH, odd.HEIGHT)
    if mode == "L":
        np.testing.assert_array_equal(read_mask(path), expected[..., 0])


def test_an_image_of_pillows_that_cannot_be_decoded_is_one_line(tmp_path):
    Image.fromarray(odd.picture()).save(tmp_path / "image.tif")
    image = Image.open(tmp_path / "image.tif")
    image.close()
    with pytest.raises(DataError, match="image: not a usable image"):
        given_pixels(image)


def tiff(path, values, bits, photometric):
    """Write grey values, H×W, as an uncompressed TIFF. Values of 12 bits are packed."""
    height, width = values.shape
    if bits == 12:
        text = "".join(f"{value:012b}" for value in values.ravel())
        data = int(text, 2).to_bytes(len(text) // 8, "big")
    else:
        data = values.astype(f"<u{bits // 8}").tobytes()
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 0), (277, 1), (278, height)]
    tags += [(279, len(data))]
    start = 8 + 2 + 12 * len(tags) + 4
    entries = [struct.pack("<HHII", number, 4, 1, start if number == 273 else value) for number, value in tags]
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(entries) + bytes(4) + data)


@pytest.mark.parametrize(("bits", "white_is_zero"), [(8, False), (8, True), (12, False), (16, False), (16, True)])
def test_grey_of_tiff_is_as_light_as_its_tags_say(tmp_path, bits, white_is_zero):
    light = np.linspace(0, 2**bits - 1, 16 * 16).astype(np.int64).reshape(16, 16)
    tiff(tmp_path / "image.tif", 2**bits - 1 - light if white_is_zero else light, bits, 0 if white_is_zero else 1)
    np.testing.assert_array_equal(read_image(tmp_path / "image.tif")[..., 0], light >> (bits - 8))
    assert has_16_bits(tmp_path / "image.tif") == (bits == 16)
    assert not is_dark(tmp_path / "image.tif")


def grey_png(path, values, bits):
    """Write grey values, H×W, as a PNG of so many bits per value."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = ["".join(f"{value:0{bits}b}" for value in row) for row in values]
    lines = [line + "0" * (-len(line) % 8) for line in lines]
    data = b"".join(b"\0" + int(line, 2).to_bytes(len(line) // 8, "big") for line in lines)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in chunks))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_value_of_a_grey_pixel_is_its_label_whatever_the_bits(tmp_path, bits):
    labels = np.arange(7 * 37).reshape(7, 37) % 2**bits
    grey_png(tmp_path / "mask.png", labels, bits)
    read = read_mask(tmp_path / "mask.png")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, labels)
    half = read_mask(tmp_path / "mask.png", (3, 18))
    assert half.shape == (3, 18)
    assert set(np.unique(half)) <= set(np.unique(labels))


def test_one_colour_stays_one_colour(read):
    assert np.unique(read(odd.constant).reshape(-1, 3), axis=0).tolist() == [[7, 8, 9]]


@pytest.mark.parametrize("ending", ["tif", "gif", "webp", "png"])
def test_several_frames_are_noticed(tmp_path, ending):
    frames = [Image.fromarray(odd.picture()), Image.fromarray(255 - odd.picture())]
    frames[0].save(tmp_path / f"one.{ending}")
    frames[0].save(tmp_path / f"two.{ending}", save_all=True, append_images=frames[1:])
    assert not has_several_frames(tmp_path / f"one.{ending}")
    assert has_several_frames(tmp_path / f"two.{ending}")


def test_a_smaller_copy_in_a_tiff_is_no_further_page(tmp_path):
    """Such as those of cloud-optimised GeoTIFFs."""
    with Image.new("RGB", (8, 8)) as whole, Image.new("RGB", (4, 4)) as small:
        small.encoderinfo = {"tiffinfo": {254: 1}}
        whole.save(tmp_path / "a.tif", save_all=True, append_images=[small])
    with Image.open(tmp_path / "a.tif") as image:
        assert image.n_frames == 2
        image.seek(1)
        assert image.tag_v2.get(254) == 1
    assert not has_several_frames(tmp_path / "a.tif")
