"""Masks that share no pixel: each goes to the box that is surest of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boxsup.image.boxes import box_areas
from boxsup.labels.painting import taken

NOBODY = -1


def owners(
    height: int,
    width: int,
    boxes: NDArray[np.integer],
    masks: Sequence[NDArray[np.bool_]],
    claims: Sequence[NDArray[np.float32]],
) -> NDArray[np.int32]:
    """Say which box each pixel of an image belongs to.

    Args:
        height: Height of the image, in pixels.
        width: Width of the image, in pixels.
        boxes: B×4 half-open pixel corners.
        masks: B masks of the pixels in the boxes, h×w each; each is read once, as are the claims.
        claims: B claims to these pixels, h×w each, 0 or more: how surely each is the object. Of equal claims (see
            `boxsup.labels.painting.taken`) that of the smaller box counts; of equal boxes, that of the later one.

    Returns:
        H×W indices of boxes, NOBODY where no mask is.

    Example:
        >>> boxes, masks = np.array([[0, 0, 2, 1], [1, 0, 3, 1]]), [np.ones((1, 2), np.bool_)] * 2
        >>> owners(1, 4, boxes, masks, [np.full((1, 2), 0.9), np.full((1, 2), 0.8)])
        array([[ 0,  0,  1, -1]], dtype=int32)
    """
    found, strongest = np.full((height, width), NOBODY, np.int32), np.zeros((height, width), np.float32)
    for index in np.argsort(-box_areas(boxes), kind="stable"):
        x0, y0, x1, y1 = boxes[index]
        claim, window = claims[index], np.s_[y0:y1, x0:x1]
        found[window][taken(masks[index], claim, strongest[window])] = index
    return found
