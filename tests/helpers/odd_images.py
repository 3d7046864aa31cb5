"""Image files of every kind that people bring along: what is written, and what they are written as."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 40, 60


def picture(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A smooth RGB picture with a bright rectangle."""
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([90 + rows % 100, 60 + columns % 120, np.full_like(rows, 110)], axis=-1)
    pixels[height // 4 : height // 2, width // 4 : width // 2] = (230, 200, 30)
    return pixels.astype(np.uint8)


def _grey() -> Image.Image:
    return Image.fromarray(picture()).convert("L")


def _with_alpha(image: Image.Image) -> Image.Image:
    """Its right half is transparent."""
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, WIDTH // 2 :] = 0
    image.putalpha(Image.fromarray(alpha))
    return image


def grey(path: Path) -> None:
    _grey().save(path, "PNG")


def grey_alpha(path: Path) -> None:
    _with_alpha(_grey()).save(path, "PNG")


def rgba(path: Path) -> None:
    _with_alpha(Image.fromarray(picture())).save(path, "PNG")


def palette_transparent(path: Path) -> None:
    """Two colours, of which the second is see-through."""
    image = Image.fromarray((picture()[..., 0] > 200).astype(np.uint8))
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.save(path, "PNG", transparency=bytes([255, 0]))


def cmyk(path: Path) -> None:
    Image.fromarray(picture()).convert("CMYK").save(path, "JPEG", quality=95)


def grey16(path: Path) -> None:
    Image.fromarray(picture()[..., 0].astype(np.uint16) * 257).save(path, "PNG")


def turned(path: Path) -> None:
    """With an EXIF orientation that a viewer turns it by."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture()).save(path, "JPEG", quality=95, exif=exif)


def one_pixel(path: Path) -> None:
    Image.fromarray(picture(1, 1)).save(path, "PNG")


def long(path: Path) -> None:
    Image.fromarray(picture(3, 5000)).save(path, "PNG")


def constant(path: Path) -> None:
    Image.new("RGB", (WIDTH, HEIGHT), (7, 8, 9)).save(path, "PNG")


def grey32(path: Path) -> None:
    Image.fromarray(picture()[..., 0].astype(np.float32)).save(path, "TIFF")


def text(path: Path) -> None:
    path.write_text("<html>")


def empty(path: Path) -> None:
    path.write_bytes(b"")


READABLE: list[Callable[[Path], None]] = [
    grey, grey_alpha, rgba, palette_transparent, cmyk, grey16, turned, one_pixel, long, constant,
]  # fmt: skip
UNREADABLE: list[Callable[[Path], None]] = [grey32, text, empty]
