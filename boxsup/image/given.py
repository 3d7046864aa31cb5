"""Images as users of Python have them: paths, arrays, Pillow's images."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.errors import ConfigError, DataError
from boxsup.image.files import check_size, keep_as_stored, read_image, rgb_pixels

ImageLike = str | os.PathLike[str] | NDArray[np.uint8] | Image.Image
EXPECTED = "H×W×3 uint8 RGB or H×W uint8 grey"


def given_pixels(image: ImageLike, name: str = "image") -> NDArray[np.uint8]:
    """Return the pixels of an image, H×W×3 uint8 RGB, as they are stored: EXIF orientation is not applied.

    Args:
        image: A path, see `boxsup.image.files.read_image`; H×W×3 uint8 RGB or H×W uint8 grey pixels; or a Pillow image.
            Of a TIFF that Pillow has opened and not loaded yet, the object is then as the file is stored, too; one
            that is loaded has been turned by Pillow, and is taken so.
        name: How an error message calls an image that is no file.

    Raises:
        DataError: The file is not a readable image, an array has another shape or type, the image exceeds the limits
            on size, or it is something else.

    Example:
        >>> given_pixels(np.full((1, 1), 7, np.uint8))
        array([[[7, 7, 7]]], dtype=uint8)
    """
    if isinstance(image, str | os.PathLike):
        return read_image(image)
    if isinstance(image, Image.Image):
        try:
            keep_as_stored(image)
            check_size(*image.size)
            return rgb_pixels(image)
        except ConfigError:
            raise
        except Exception as error:  # the file is decoded only now, and damaged ones raise many kinds of errors
            raise DataError(f"{name}: not a usable image ({error})") from error
    if not isinstance(image, np.ndarray):
        raise DataError(f"{name}: expected a path, an array or a Pillow image, got {type(image).__name__}")
    fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if not fits or image.dtype != np.uint8 or not image.size:
        shape = "×".join(map(str, image.shape)) or "one value"
        raise DataError(f"{name}: expected {EXPECTED}, got {shape} {image.dtype}{_hint(image)}")
    try:
        check_size(image.shape[1], image.shape[0])
    except ValueError as error:
        raise DataError(f"{name}: {error}") from error
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image


def _hint(image: NDArray[np.generic]) -> str:
    """What may have been meant by an array that is no image."""
    if image.ndim == 4:
        return "; give several images as a list"
    if image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[2] not in (1, 3, 4):
        return "; put the channels last"
    if image.ndim == 3 and image.shape[2] == 4:
        return "; leave out the fourth channel, image[..., :3]"
    return "; scale it to 0…255 and convert it" if np.issubdtype(image.dtype, np.floating) else ""
