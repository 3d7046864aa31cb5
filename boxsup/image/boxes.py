"""Boxes of pixels: areas, intersections, IoU, and the tight box of a mask.

Boxes are half-open pixel corners x0, y0, x1, y1, 0-based.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Corners = tuple[int, int, int, int]  # half-open pixels x0, y0, x1, y1
BOXES_PER_BLOCK = 256  # no image of COCO has more than 93


def box_areas(boxes: NDArray[np.integer]) -> NDArray[np.int64]:
    """The area of each box in pixels: B, from B×4 corners.

    >>> box_areas(np.array([[0, 0, 2, 3]]))
    array([6])
    """
    corners = np.asarray(boxes, np.int64)
    return np.asarray((corners[:, 2:] - corners[:, :2]).prod(axis=-1))


def box_intersections(boxes: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[np.int64]:
    """The number of pixels that each pair of boxes shares: B×N, from B×4 and N×4 corners.

    >>> box_intersections(np.array([[0, 0, 2, 2]]), np.array([[1, 1, 3, 3], [2, 2, 4, 4]]))
    array([[1, 0]])
    """
    a, b = np.asarray(boxes, np.int64)[:, None], np.asarray(others, np.int64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return np.asarray(np.clip(sides, 0, None).prod(axis=-1))


def box_iou(boxes: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[np.float32]:
    """Intersection over union of each pair of boxes (IoU(B, S) of Eq. 2, where S stands for its tight box).

    Args:
        boxes: B×4 corners.
        others: N×4 corners.

    Returns:
        B×N float32 in [0, 1].

    >>> box_iou(np.array([[0, 0, 2, 2]]), np.array([[0, 0, 2, 1]]))
    array([[0.5]], dtype=float32)
    """
    iou = np.empty((len(boxes), len(others)), np.float32)
    for block in box_blocks(len(boxes)):
        intersection = box_intersections(boxes[block], others)
        union = box_areas(boxes[block])[:, None] + box_areas(others) - intersection
        iou[block] = intersection / union
    return iou


def on_image(
    inside: NDArray[np.bool_], box: Sequence[int] | NDArray[np.integer], size: Sequence[int]
) -> NDArray[np.bool_]:
    """Return the mask of an image, H×W by its `size`, that has these pixels in a box, h×w, and no others.

    >>> on_image(np.array([[True]]), (1, 0, 2, 1), (1, 3))
    array([[False,  True, False]])
    """
    x0, y0, x1, y1 = box
    pixels = np.zeros(tuple(size), np.bool_)
    pixels[y0:y1, x0:x1] = inside
    return pixels


def box_blocks(boxes: int) -> Iterator[slice]:
    """Split a number of boxes into blocks of BOXES_PER_BLOCK, so that memory does not grow with their number.

    >>> list(box_blocks(300))
    [slice(0, 256, None), slice(256, 512, None)]
    """
    return (slice(start, start + BOXES_PER_BLOCK) for start in range(0, boxes, BOXES_PER_BLOCK))


def shorter_side(box: Corners) -> int:
    """The shorter side of a box.

    >>> shorter_side((0, 0, 5, 2))
    2
    """
    x0, y0, x1, y1 = box
    return min(x1 - x0, y1 - y0)


def tight_box(pixels: NDArray[np.bool_]) -> Corners | None:
    """The smallest box that contains a mask.

    Args:
        pixels: H×W bool, true on the object.

    Returns:
        The corners of the box; None if the mask is empty.

    >>> tight_box(np.eye(3, dtype=bool))
    (0, 0, 3, 3)
    """
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
