"""Paint the segments of boxes into one label map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boxsup.image import VOID


def paint(
    height: int,
    width: int,
    boxes: NDArray[np.integer],
    class_ids: NDArray[np.integer],
    masks: Sequence[NDArray[np.bool_] | None],
    clip: bool,
) -> NDArray[np.uint8]:
    """Paint the boxes' segments over background.

    Where segments overlap, the smaller box wins, since the nearer object is more often the smaller one (WSSL's rule for
    rectangles); between equal boxes, the later one wins. Void never covers a class.

    Args:
        height: Height of the image, in pixels.
        width: Width of the image, in pixels.
        boxes: B×4 half-open pixel corners x0, y0, x1, y1.
        class_ids: B classes, 1…C-1, or 255 for void.
        masks: B masks, H×W each, or None for the box's rectangle; each mask is read once.
        clip: Whether each segment ends at its box.

    Returns:
        H×W uint8 label map.

    Example:
        >>> paint(1, 4, np.array([[0, 0, 4, 1], [1, 0, 2, 1]]), np.array([1, 2]), [None, None], clip=True)
        array([[1, 2, 1, 1]], dtype=uint8)
    """
    painted = np.zeros((height, width), np.uint8)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    # np.lexsort sorts by its last key first: void before classes, then large before small, then the order of the boxes.
    for index in np.lexsort((-areas, class_ids != VOID)):
        mask, class_id = masks[index], class_ids[index]
        x0, y0, x1, y1 = boxes[index]
        if mask is None:
            painted[y0:y1, x0:x1] = class_id
        elif clip:
            painted[y0:y1, x0:x1][mask[y0:y1, x0:x1]] = class_id
        else:
            painted[mask] = class_id
    return painted
