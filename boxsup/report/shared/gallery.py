"""Rows of pictures with captions, as the template `shared/parts.html.j2` shows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.image.showing import encode_base64
from boxsup.report.shared.pictures import Picture, fit_width

WIDTH = 300  # px of a picture on the page
QUALITY = 78  # of JPEG


@dataclass(frozen=True)
class GalleryPicture:
    """One picture of a gallery.

    Attributes:
        uri: The picture's file as a data URI.
        alt: What the picture shows, for people who cannot see it.
        width: Its width in pixels.
        height: Its height in pixels.
        caption: The text below it.
    """

    uri: str
    alt: str
    width: int
    height: int
    caption: str


@dataclass(frozen=True)
class GalleryRow:
    """Pictures of one image side by side.

    Attributes:
        image: The id of the image.
        note: A remark beside the id, or "".
        pictures: The pictures from left to right.
    """

    image: str
    note: str
    pictures: list[GalleryPicture]


def start_picture(photo: NDArray[np.uint8]) -> Picture:
    """A photograph (H×W×3) at the width of a gallery, to draw on."""
    return Picture(photo, fit_width(photo.shape[0], photo.shape[1], WIDTH))


def gallery_picture(image: Image.Image, alt: str, caption: str) -> GalleryPicture:
    """A drawn picture as the page holds it; the same pixels give the same bytes."""
    uri = "data:image/jpeg;base64," + encode_base64(image, "JPEG", quality=QUALITY, optimize=True)
    return GalleryPicture(uri, alt, image.width, image.height, caption)
