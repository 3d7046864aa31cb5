"""Pictures for the page's script (page.js): photographs as WebP, label maps and segments as SVG paths.

A path takes less room on the page than a PNG of the same map, is sharp at any size, and takes its colour from the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.tables import ImageRow
from boxsup.image.drawing import outlines
from boxsup.image.showing import encode_base64
from boxsup.report.shared.pictures import fit_side, resize

WIDE, NARROW = 240, 88  # px, the longer side of a picture, and of one where there are very many
QUALITY = {WIDE: 55, NARROW: 40}  # of WebP
TOLERANCE = 1.0  # px of the picture: how far a path may leave the border that it follows
SPECK = 4.0  # px² of the picture: smaller parts are left out

Layer = list[tuple[int, str]]  # label and path of each label in a map, without the background


def explorer_picture(row: ImageRow, label_maps: Iterable[NDArray[np.uint8]], side: int) -> dict[str, Any]:
    """An image and its label maps as the page's script reads them, in values of JSON.

    Args:
        row: The image in the catalogue.
        label_maps: Label maps of the image, H×W each, in the order in which the script offers them.
        side: WIDE or NARROW.

    Returns:
        `id`; `width` and `height` of the picture; `photo`; `layers`, the different label maps as paths (most
        generations change few images, so equal maps are stored once); `views`, for each label map the index of its
        layer; and `truth`, the index of the true mask's layer, or None if there is no true mask.
    """
    layers: list[Layer] = []
    height, width = fit_side(row.height, row.width, side)
    return {
        "id": row.image,
        "width": width,
        "height": height,
        "photo": webp_photo(row.photo(), side),
        "views": [_layer_index(layers, label_paths(labels, side)) for labels in label_maps],
        "truth": _layer_index(layers, label_paths(row.true_mask(), side)) if row.mask else None,
        "layers": layers,
    }


def webp_photo(pixels: NDArray[np.uint8], side: int) -> str:
    """A photograph (H×W×3) as WebP in base64, with `side` (WIDE or NARROW) as its longer side if it is larger."""
    small = resize(pixels, fit_side(pixels.shape[0], pixels.shape[1], side), Image.Resampling.LANCZOS)
    return encode_base64(Image.fromarray(small), "WEBP", quality=QUALITY[side], method=6)


def label_paths(labels: NDArray[np.uint8], side: int) -> Layer:
    """Each label of a map (H×W) as a path in the pixels of the picture that `webp_photo` makes for the same `side`."""
    small = _resized(labels, side)
    return [(int(label), svg_path(small == label)) for label in np.unique(small) if label]


def segment_path(mask: NDArray[np.bool_], side: int) -> str:
    """A segment (H×W) as a path in the pixels of the picture that `webp_photo` makes for the same `side`."""
    return svg_path(_resized(mask.astype(np.uint8), side) > 0)


def svg_path(mask: NDArray[np.bool_]) -> str:
    """The borders of a mask (H×W) as the `d` of an SVG path, to be filled by the even-odd rule.

    Coordinates are those of pixels' middles. Specks are left out; if there is nothing else, the largest one is kept.

    >>> svg_path(np.pad(np.ones((5, 12), bool), ((5, 10), (8, 10))))
    'M8 5l0 4 11 0 0-4z'
    """
    polygons = outlines(mask)
    areas = [cv2.contourArea(polygon.astype(np.float32)) for polygon in polygons]
    min_area = min(SPECK, max(areas, default=0.0))
    large = (polygon for polygon, area in zip(polygons, areas, strict=True) if area >= min_area)
    simple = (cv2.approxPolyDP(polygon, TOLERANCE, True) for polygon in large)
    return "".join(_subpath(np.asarray(polygon, np.int32)[:, 0]) for polygon in simple)


def _layer_index(layers: list[Layer], layer: Layer) -> int:
    """The index of a layer in the list; it is appended if it is not there yet."""
    if layer not in layers:
        layers.append(layer)
    return layers.index(layer)


def _resized(labels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return resize(labels, fit_side(labels.shape[0], labels.shape[1], side))


def _subpath(polygon: NDArray[np.integer]) -> str:
    """A closed polygon, P×2 (x, y): its first point, then relative steps, in as few characters as possible."""
    steps = np.diff(polygon, axis=0).ravel().tolist()
    text = "".join(f"{' ' if index and step >= 0 else ''}{step}" for index, step in enumerate(steps))
    return f"M{polygon[0, 0]} {polygon[0, 1]}" + (f"l{text}" if steps else "h0") + "z"
