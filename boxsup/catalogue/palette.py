"""Label maps as PNGs with VOC's palette."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def voc_palette() -> NDArray[np.uint8]:
    """VOC's 256 colours, 256×3 RGB: the bits of a label are dealt to red, green and blue in turn, high bits first."""
    labels = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((labels >> (3 * bit + channel) & 1) << (7 - bit)).astype(np.uint8)
    return colours


def encode_mask(mask: NDArray[np.uint8]) -> bytes:
    """An H×W uint8 label map as a palette PNG, whose pixels keep their values."""
    image = Image.fromarray(mask)
    image.putpalette(voc_palette().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def write_mask(path: str | os.PathLike[str], mask: NDArray[np.uint8]) -> None:
    """Write `encode_mask` to a file."""
    Path(path).write_bytes(encode_mask(mask))
