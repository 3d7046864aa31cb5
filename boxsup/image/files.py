"""Image files and masks in files: what is read and how, which sizes can be worked with, and masks as PNGs."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.errors import DataError
from boxsup.image.palette import PALETTE

# What is opened, by content: of the others that Pillow knows, some call other programs (EPS) or read other files.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAX_PIXELS, MAX_SIDE = 2**25, 2**14  # of an image: 5,800×5,800; a candidate's or a network's memory is of that order
COLOURS = "a pixel's value must be its label, no colour"
LIMIT = f"at most {MAX_PIXELS:,} pixels and {MAX_SIDE:,} a side can be worked with, scale it down"


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """An image as H×W×3 uint8 RGB in [0, 255], its pixels where they are stored: no EXIF orientation is applied.

    Grey is copied to all channels; transparent pixels show white paper; 16-bit values keep their high byte; CMYK is
    converted without a colour profile. Of several frames the first one counts.

    Raises:
        DataError: The file is missing, truncated or no image, larger than MAX_PIXELS or MAX_SIDE, or
            its values have no known range (32 bits).
    """
    try:
        with _opened(path) as image:
            return _rgb(image)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such image") from error
    except Exception as error:  # of a damaged file, Pillow's decoders raise whatever they stumble over
        raise DataError(f"{path}: not a readable image ({error}); replace the file or take it off the list") from error


def has_16_bits(path: str | os.PathLike[str]) -> bool:
    """Whether an image that `read_image` can read has 16 bits a value, of which the high byte is seen."""
    with _opened(path) as image:
        if image.format == "TIFF":
            return 16 in image.tag_v2.get(258, ())  # type: ignore[attr-defined]
        if image.format == "PNG":  # its header says what Pillow's mode does not, of RGB
            with open(path, "rb") as file:
                return file.read(25)[24:] == b"\x10"
        return image.mode.startswith("I")


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """A file of FORMATS whose size, as its first bytes claim it, is one that can be worked with."""
    if not os.path.isfile(path):  # a pipe would not end
        raise FileNotFoundError
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes that are refused below, and of tags that do not matter
        try:
            image = Image.open(path, formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise ValueError(f"{error}; {LIMIT}") from error
        with image:
            check_size(*image.size)
            yield image


def check_size(width: int, height: int) -> None:
    """Raise a ValueError where pictures of this size, in pixels, are larger than can be worked with."""
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ValueError(f"{width}×{height} pixels (width×height); {LIMIT}")


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of a decoded file of any mode, see `read_image`; raises a ValueError where there is no sense in them.

    Pillow alone clips 16-bit grey in some of its releases, and shows the hidden colours of transparent pixels.
    """
    # Older releases open 16-bit PNGs in the mode of 32-bit files, and all do so with PGMs.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError("32 bits a pixel, whose range is not known; save it with 8 or 16")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), colours).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def read_mask(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """A label map as H×W uint8 from a palette or grey PNG.

    Raises:
        DataError: The file is missing, truncated, of more than MAX_PIXELS, or neither palette nor 8-bit grey.
    """
    try:
        with _opened(path) as image:
            if image.mode not in ("P", "L"):
                raise DataError(
                    f"{path}: expected a mask with a palette or in 8-bit grey, got mode {image.mode}: {COLOURS}"
                )
            return np.asarray(image)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such mask") from error
    except DataError:
        raise
    except Exception as error:  # as above
        raise DataError(f"{path}: not a readable mask ({error})") from error


def encode_mask(mask: NDArray[np.uint8]) -> bytes:
    """An H×W uint8 label map as a palette PNG, whose pixels keep their values."""
    image = Image.fromarray(mask)
    image.putpalette(PALETTE.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def write_mask(path: str | os.PathLike[str], mask: NDArray[np.uint8]) -> None:
    """Write `encode_mask` to a file."""
    Path(path).write_bytes(encode_mask(mask))
