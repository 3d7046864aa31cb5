"""What an explorer of pictures stacks: photographs as WebP, label maps and segments as paths of SVG.

A path takes less room on the page than a PNG of the same map, is sharp at any size, and takes its colour from the page.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.tables import ImageRow
from boxsup.image.files import read_image, read_mask
from boxsup.report.shared.drawing import outlines

WIDE, NARROW = 240, 88  # px, longer side of a picture, and of one where there are very many
QUALITY = {WIDE: 55, NARROW: 40}  # of WebP
TOLERANCE = 1.0  # px of the picture: how far a path may leave the border that it follows
SPECK = 4.0  # px² of the picture: smaller parts are left out

Layer = list[tuple[int, str]]  # (label, path) of each label but the background


def item(row: ImageRow, maps: Iterable[NDArray[np.uint8]], side: int) -> dict[str, Any]:
    """An image as the page's script shows it, as values of JSON.

    Args:
        row: Of the catalogue.
        maps: Label maps of the image, H×W each, as the script offers them one after the other.
        side: WIDE or NARROW.

    Returns:
        `id`; `width` and `height` of the picture; `photo`; `layers`, label maps as paths, equal ones once, since most
        generations change few images; and which of them the `views`, one a map, and the `truth` are, None without one.
    """
    layers: list[Layer] = []
    height, width = size_within(row.height, row.width, side)
    return {
        "id": row.image,
        "width": width,
        "height": height,
        "photo": photograph(read_image(row.path), side),
        "views": [_place(layers, layer(labels, side)) for labels in maps],
        "truth": _place(layers, layer(read_mask(row.mask), side)) if row.mask else None,
        "layers": layers,
    }


def size_within(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width in proportion whose longer one is `side` at most; nothing is enlarged."""
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def photograph(pixels: NDArray[np.uint8], side: int) -> str:
    """An image (H×W×3) as WebP in base64, brought to `size_within`; `side` is WIDE or NARROW."""
    height, width = size_within(pixels.shape[0], pixels.shape[1], side)
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY[side], method=6)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def layer(labels: NDArray[np.uint8], side: int) -> Layer:
    """A label map (H×W) as a path a label, in pixels of the picture that `photograph` makes of the same size."""
    small = _fitted(labels, side)
    return [(int(label), path(small == label)) for label in np.unique(small) if label]


def segment(mask: NDArray[np.bool_], side: int) -> str:
    """A segment (H×W) as a path, likewise."""
    return path(_fitted(mask.astype(np.uint8), side) > 0)


def path(mask: NDArray[np.bool_]) -> str:
    """The borders of a mask, to be filled by the even-odd rule: `d` of an SVG path, x and y at the pixels' middles.

    Where all parts are specks the largest one is kept.
    """
    polygons = outlines(mask, 1)
    areas = [cv2.contourArea(polygon.astype(np.float32)) for polygon in polygons]
    least = min(SPECK, max(areas, default=0.0))
    kept = (polygon for polygon, area in zip(polygons, areas, strict=True) if area >= least)
    simple = (cv2.approxPolyDP(polygon.astype(np.int32), TOLERANCE, True) for polygon in kept)
    return "".join(_subpath(np.asarray(polygon, np.int32)[:, 0]) for polygon in simple)


def _place(layers: list[Layer], own: Layer) -> int:
    """Where a layer stands among others, to which it is added unless it is there."""
    if own not in layers:
        layers.append(own)
    return layers.index(own)


def _fitted(labels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = size_within(labels.shape[0], labels.shape[1], side)
    return np.asarray(Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST))


def _subpath(polygon: NDArray[np.integer]) -> str:
    """A closed polygon, P×2 (x, y): where it starts, then steps, with as few characters as they take."""
    steps = np.diff(polygon, axis=0).ravel().tolist()
    text = "".join(f"{' ' if index and step >= 0 else ''}{step}" for index, step in enumerate(steps))
    return f"M{polygon[0, 0]} {polygon[0, 1]}" + (f"l{text}" if steps else "h0") + "z"
