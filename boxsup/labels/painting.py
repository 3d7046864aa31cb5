"""From the boxes' segments to one label map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boxsup.image import VOID


def paint(
    height: int,
    width: int,
    boxes: NDArray[np.integer],
    labels: NDArray[np.integer],
    masks: Sequence[NDArray[np.bool_] | None],
    clip: bool,
) -> NDArray[np.uint8]:
    """A label map of the boxes' segments over background.

    Where segments overlap, the one of the smaller box wins, as the nearer object is more often the smaller (WSSL's rule
    for rectangles); of equal ones, the later. Void never covers a label.

    Args:
        height: Of the image, in pixels.
        width: The same.
        boxes: B×4 half-open pixel corners.
        labels: B, 1…C-1 or 255.
        masks: B, each H×W, or None for the box's rectangle; each is asked for once.
        clip: End each segment at its box.

    Returns:
        H×W uint8.
    """
    painted = np.zeros((height, width), np.uint8)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    # np.lexsort's last key is the first: void before labels, then large before small, then the order of the boxes.
    for index in np.lexsort((-areas, labels != VOID)):
        mask, label = masks[index], labels[index]
        x0, y0, x1, y1 = boxes[index]
        if mask is None:
            painted[y0:y1, x0:x1] = label
        elif clip:
            painted[y0:y1, x0:x1][mask[y0:y1, x0:x1]] = label
        else:
            painted[mask] = label
    return painted
