"""Cuts boxes out of images, and puts maps of boxes back.

A box is stretched to a square of `size` px and keeps a margin of `margin_of(size)` px on each side, a fifth of the box.
So the box is at the same place in every crop.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

MARGIN = 5  # the margin is the box's side divided by this
OVERSAMPLING = 2  # a box is shrunk by area to twice the crop's sides, and from there bilinearly


def margin_of(size: int) -> int:
    """The margin of a crop in px.

    >>> margin_of(80)
    16
    """
    return size // MARGIN


def crop_side(size: int) -> int:
    """The side of a crop in px, both margins included.

    >>> crop_side(80)
    112
    """
    return size + 2 * margin_of(size)


def crop(image: NDArray[np.uint8], box: NDArray[np.integer], size: int) -> NDArray[np.uint8]:
    """Cut a box with its margin out of an image; what lies outside of the image is mirrored.

    Args:
        image: H×W×3 or H×W.
        box: Half-open pixel corners x0, y0, x1, y1.
        size: Side of the box in the crop, px.

    Returns:
        S×S×3 or S×S, with S = `crop_side(size)`.

    >>> crop(np.full((4, 4, 3), 7, np.uint8), np.array([1, 1, 3, 3]), 10).shape
    (14, 14, 3)
    """
    margin, side = margin_of(size), crop_side(size)
    x0, y0, x1, y1 = map(int, box)
    spans = []
    for first, last, length in ((x0, x1, image.shape[1]), (y0, y1, image.shape[0])):
        reach = (last - first) * margin / size
        low, high = int(np.floor(first - reach)) - 1, int(np.ceil(last + reach)) + 1
        spans.append((first - reach, last + reach, low, high, np.clip(np.arange(low, high), -length, 2 * length - 1)))
    (left, right, low_x, high_x, columns), (top, bottom, low_y, high_y, rows) = spans
    cut: NDArray[Any]
    if low_y >= 0 and low_x >= 0 and high_y <= image.shape[0] and high_x <= image.shape[1]:
        cut = image[low_y:high_y, low_x:high_x]  # a view: the window of a box may have millions of pixels
    else:
        cut = image[_mirrored(rows, image.shape[0])[:, None], _mirrored(columns, image.shape[1])[None]]
    shrunk = tuple(min(count, OVERSAMPLING * side) for count in (cut.shape[1], cut.shape[0]))
    scale_x, scale_y = shrunk[0] / cut.shape[1], shrunk[1] / cut.shape[0]
    if shrunk != (cut.shape[1], cut.shape[0]):
        cut = cv2.resize(cut, shrunk, interpolation=cv2.INTER_AREA)
    step_x, step_y = scale_x * (right - left) / side, scale_y * (bottom - top) / side
    # Pixel i of the crop has its middle at i + 1/2, which is the place (left - low_x) + (i + 1/2) * step of the cut.
    matrix = np.array(
        [
            [step_x, 0, (left - low_x) * scale_x + step_x / 2 - 0.5],
            [0, step_y, (top - low_y) * scale_y + step_y / 2 - 0.5],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(cut, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def crops_of(image: NDArray[np.uint8], boxes: NDArray[np.integer], size: int) -> NDArray[np.uint8]:
    """Cut B boxes out of an image: B×S×S×3; see `crop`."""
    side = crop_side(size)
    return np.stack([crop(image, box, size) for box in boxes]) if len(boxes) else np.empty((0, side, side, 3), np.uint8)


def _mirrored(places: NDArray[np.integer], length: int) -> NDArray[np.integer]:
    """Indices in 0…length-1 for places that may be outside: the border's pixel comes first again, then the next one."""
    places = np.where(places < 0, -1 - places, places)
    return np.where(places >= length, 2 * length - 1 - places, places).clip(0, length - 1)


def box_map(values: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Stretch values on the pixels of a box to a square: h×w -> size×size."""
    return resized(np.asarray(values, np.float32), size, size)


def on_box(values: NDArray[np.floating], box: NDArray[np.integer]) -> NDArray[np.float32]:
    """Stretch a map of a box to the box's pixels: size×size -> h×w."""
    x0, y0, x1, y1 = map(int, box)
    return resized(np.asarray(values, np.float32), y1 - y0, x1 - x0)


def resized(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resize an array: each side that shrinks by averages, each that grows bilinearly."""
    for horizontal, length in ((True, width), (False, height)):
        before = values.shape[1] if horizontal else values.shape[0]
        if before != length:
            shape = (length, values.shape[0]) if horizontal else (values.shape[1], length)
            method = cv2.INTER_AREA if length < before else cv2.INTER_LINEAR
            values = np.asarray(cv2.resize(values, shape, interpolation=method), np.float32)
    return values
