"""Reads images and masks from files, with limits on their size, and writes masks as PNGs."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.errors import ConfigError, DataError
from boxsup.image.palette import PALETTE
from boxsup.image.scaling import MILLION, reduced, sampled

# A file is opened by its content. Other formats that Pillow knows run programs (EPS) or read more files.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAX_PIXELS, MAX_SIDE = 100_000_000, 2**16 - 1  # of an image; a stage holds some 20 bytes per pixel
LIMIT_VARIABLE = "BOXSUP_MAX_MEGAPIXELS"  # of the environment: another limit than MAX_PIXELS
ORIENTATION = 0x0112  # number of EXIF's entry, which is also a tag of TIFF, that turns an image
WIDTH, HEIGHT, BITS, PHOTOMETRIC = 256, 257, 258, 262  # numbers of TIFF's tags; `BITS` is of each channel
SUBFILE, COPY_OR_MASK = 254, 0b101  # the tag of TIFF that says what a page is, and its bits for these kinds
COLOURS = "a pixel's value must be its label, not a colour"


def read_image(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Read an image as H×W×3 uint8 RGB in [0, 255], without applying its EXIF orientation.

    Grey is copied to all channels, transparent pixels are laid over white, 12-bit and 16-bit values keep their upper 8
    bits, CMYK is converted without a colour profile, and of several frames the first is read.

    Args:
        path: The file.
        size: The height and width to reduce it to, no side greater than its own; a JPEG is then decoded at the smallest
            of its own scales that suffices. None for its own.

    Raises:
        DataError: The file is missing, truncated or not an image, has more pixels than `max_pixels` or a side above
            MAX_SIDE, or has 32 bits per value, whose range is not known.
    """
    try:
        with _opened(path) as image:
            if size is None:
                return rgb_pixels(image)
            _check_reducible((image.height, image.width), size)
            image.draft(None, size[::-1])
            return reduced(rgb_pixels(image), *size)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such image") from error
    except ConfigError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds of errors for damaged files
        raise DataError(f"{path}: not a readable image ({error}); replace the file or take it off the list") from error


def has_16_bits(path: str | os.PathLike[str]) -> bool:
    """Whether an image that `read_image` can read has 16 bits per value, of which it keeps the high byte."""
    with _opened(path) as image:
        if image.format in ("TIFF", "PNG"):  # Pillow's mode does not tell it for RGB, but the file's header does
            return _depth(path, image) == 16
        return image.mode.startswith("I")


def has_several_frames(path: str | os.PathLike[str]) -> bool:
    """Whether an image that `read_image` can read has more frames or pages than the first, which alone is read.

    Smaller copies and transparency masks in a TIFF are none, nor is what cameras add to a JPEG.
    """
    with contextlib.suppress(Exception), _opened(path) as image:  # no further page, or a damaged one
        if image.format != "TIFF":
            return image.format != "JPEG" and bool(getattr(image, "is_animated", False))
        for page in itertools.count(1):
            image.seek(page)
            if not int(_tags(image).get(SUBFILE, 0)) & COPY_OR_MASK:
                return True
    return False


def _depth(path: str | os.PathLike[str], image: Image.Image) -> int:
    """Bits per value of an opened TIFF or PNG."""
    if image.format == "TIFF":
        return int(max(_tags(image).get(BITS, (1,))))
    with open(path, "rb") as file:
        return file.read(25)[24]


def _tags(image: Image.Image) -> Mapping[int, Any]:
    """The tags of a TIFF by their numbers; none of an image in another format."""
    return image.tag_v2 if image.format == "TIFF" else {}  # type: ignore[attr-defined]


def keep_as_stored(image: Image.Image) -> None:
    """Let Pillow decode a TIFF that it has opened and not decoded as its pixels are stored; changes no other image.

    Of all formats, Pillow turns only TIFF by its orientation when it decodes it, and its newer releases say the turned
    size before that. They also map uncompressed grey by the turned size, so that its rows have a wrong length: pixels
    that were turned back would not be those of the file.
    """
    if image.format == "TIFF" and image.tile:  # type: ignore[attr-defined]
        image.getexif()[ORIENTATION] = 1  # the object that Pillow asks when it decodes
        image._size = _tags(image)[WIDTH], _tags(image)[HEIGHT]  # Pillow has no public way to set it


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """Open a file of FORMATS, and check the size in its header before any pixel is decoded."""
    if not os.path.isfile(path):  # a pipe might not end
        raise FileNotFoundError
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about sizes that are refused below, and about tags that do not matter
        if Image.MAX_IMAGE_PIXELS is not None:  # Pillow refuses twice as many before it says the size
            Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, max_pixels())
        try:
            image = Image.open(path, formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise ValueError(f"{error}; {_limits()}") from error
        with image:
            keep_as_stored(image)
            check_size(*image.size)
            yield image


def check_size(width: int, height: int) -> None:
    """Raise a ValueError if an image of this size in pixels exceeds `max_pixels` or MAX_SIDE."""
    if width * height > max_pixels() or max(width, height) > MAX_SIDE:
        raise ValueError(f"{width}×{height} pixels (width×height); {_limits()}")


def _check_reducible(own: tuple[int, int], size: tuple[int, int]) -> None:
    """Raise a ValueError unless an image has the wanted height and width, or is larger and of the same shape."""
    (height, width), (rows, columns) = own, size
    same_shape = rows * width < (columns + 1) * height and columns * height < (rows + 1) * width
    if own != size and (rows > height or columns > width or not (same_shape or min(size) == 1)):
        expected = f"{columns}×{rows} (width×height), or more in the same shape"
        raise ValueError(f"{width}×{height} pixels, expected {expected}: it has changed, make the catalogue again")


def max_pixels() -> int:
    """The greatest number of pixels of an image: MAX_PIXELS, or what the environment says (LIMIT_VARIABLE).

    Raises:
        ConfigError: The environment does not say a number.
    """
    text = os.environ.get(LIMIT_VARIABLE, "")
    if not text:
        return MAX_PIXELS
    try:
        pixels = int(float(text) * MILLION)
    except (ValueError, OverflowError):
        pixels = 0
    if pixels <= 0:
        raise ConfigError(f"{LIMIT_VARIABLE}={text}: expected a number of megapixels above 0")
    return pixels


def _limits() -> str:
    megapixels = f"{max_pixels() / MILLION:,g} megapixels"
    return f"at most {megapixels} and {MAX_SIDE:,} px per side are read; scale it down, or set {LIMIT_VARIABLE}"


def rgb_pixels(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of a Pillow image in any mode, as `read_image` returns them.

    Raises:
        ValueError: It has 32 bits per pixel.

    Pillow's own conversion clips 16-bit grey in some releases, and shows the hidden colours of transparent pixels.
    """
    # Older releases open 16-bit PNGs in the mode of 32-bit files, and all releases open PGMs so.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        tags = _tags(image)
        grey = (np.asarray(image) >> (4 if 12 in tags.get(BITS, ()) else 8)).astype(np.uint8)
        if tags.get(PHOTOMETRIC) == 0:  # 0 is white: Pillow heeds it for up to 8 bits only
            grey = 255 - grey
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError("32 bits per pixel, whose range is not known; save it with 8 or 16")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), colours).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def read_mask(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Read a label map as H×W uint8 from an image with a palette or in grey of at most 8 bits.

    Args:
        path: The file.
        size: The height and width to reduce it to, each pixel by the value in its middle. None for its own.

    Raises:
        DataError: The file is missing, truncated or too large, or has neither a palette nor grey of at most 8 bits.
    """
    try:
        with _opened(path) as image:
            one_bit = image.mode == "1" and image.format == "PNG"
            if image.mode not in ("P", "L") and not one_bit:
                raise DataError(
                    f"{path}: expected a mask with a palette or in 8-bit grey, got mode {image.mode}: {COLOURS}"
                )
            if size is not None:
                _check_reducible((image.height, image.width), size)
            labels = np.asarray(image, np.uint8)
            if image.mode == "L" and image.format in ("PNG", "TIFF"):
                # Pillow multiplies values of 2 and 4 bits by 85 and 17, so that the greatest is white.
                scale = 255 // (2 ** _depth(path, image) - 1)
                labels = labels // scale if scale > 1 else labels
            return labels if size is None else sampled(labels, size)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such mask") from error
    except (ConfigError, DataError):
        raise
    except Exception as error:  # as in `read_image`
        raise DataError(f"{path}: not a readable mask ({error})") from error


def encode_mask(mask: NDArray[np.uint8]) -> bytes:
    """An H×W uint8 label map as a PNG with VOC's palette; the value of a pixel is its label.

    >>> encode_mask(np.zeros((2, 3), np.uint8))[1:4]
    b'PNG'
    """
    image = Image.fromarray(mask)
    image.putpalette(PALETTE.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def write_mask(path: str | os.PathLike[str], mask: NDArray[np.uint8]) -> None:
    """Write an H×W uint8 label map to a PNG file; see `encode_mask`."""
    Path(path).write_bytes(encode_mask(mask))
