"""What the true label map of an image tells about the object in a box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boxsup.image import VOID


def true_pixels(
    labels: NDArray[np.uint8], boxes: NDArray[np.int64], class_ids: Sequence[int] | NDArray[np.int64], row: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which pixels of a box are its object, and for which this is known.

    A label map does not tell two objects of one class apart.

    Args:
        labels: H×W true labels.
        boxes: B×4 half-open pixel corners of all boxes of the image.
        class_ids: B classes of the boxes.
        row: Which of the boxes it is about.

    Returns:
        h×w pixels of the box that have its class; and h×w that are not void and, if they have this class, not in
        another box of the class.

    >>> labels = np.array([[1, 1, 2, 255]], np.uint8)
    >>> held, known = true_pixels(labels, np.array([[0, 0, 4, 1], [1, 0, 3, 1]]), [1, 1], 0)
    >>> held[0].tolist(), known[0].tolist()
    ([True, True, False, False], [True, False, True, False])
    """
    x0, y0, x1, y1 = boxes[row]
    inside = labels[y0:y1, x0:x1]
    known = inside != VOID
    for other in np.flatnonzero(np.asarray(class_ids) == class_ids[row]):
        if other != row:
            left, top = np.maximum(boxes[other, :2] - (x0, y0), 0)
            right, bottom = np.maximum(boxes[other, 2:] - (x0, y0), 0)
            known[top:bottom, left:right] &= inside[top:bottom, left:right] != class_ids[row]
    return inside == class_ids[row], known
