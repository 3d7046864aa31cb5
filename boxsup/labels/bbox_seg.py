"""Bbox-Seg: objects' masks from their boxes by a dense CRF (Papandreou, Chen, Murphy, Yuille, ICCV 2015, section 3.2).

This is the baseline that the paper compares with (WSSL in Tables 2 and 4). From WSSL: the unary terms of the CRF fix
the centre of each box, 20 % of its pixels, as the object, and everything outside the boxes as background; the CRF fills
in the rest. The weights of the CRF are WSSL's too: they chose them on a few images with masks, and their released
scripts give them for these labels (`SetupEnv.m`, "bboxErode20").

Where their text is silent, we decided: the centre has the shape of its box; any other pixel may be background or any
class whose box holds it, all at the same unary cost; where centres overlap, the smaller box wins, as in their rule for
rectangles; mean field runs for ten iterations over the classes of the image.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.config.inference import CrfSettings
from boxsup.image.boxes import box_areas
from boxsup.inference.crf import crf_marginals

CENTRE = 0.2  # share of the box's pixels
CRF = CrfSettings(
    iterations=10,
    spatial_xy=3.0,
    spatial_weight=15.0,
    bilateral_xy=37.0,
    bilateral_rgb=3.0,
    bilateral_weight=45.0,
    least_probability=0.0,
)
FORBIDDEN = -1000.0  # log-probability of a class that a pixel may not have


def bbox_seg(image: NDArray[np.uint8], boxes: NDArray[np.integer], class_ids: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Make the label map of an image's boxes.

    Args:
        image: H×W×3 uint8 RGB.
        boxes: B×4 half-open pixel corners x0, y0, x1, y1.
        class_ids: B classes, 1…C-1.

    Returns:
        H×W uint8: 0 outside the boxes. If several classes are equally likely, the smallest number wins.

    Example:
        >>> bbox_seg(np.zeros((4, 4, 3), np.uint8), np.array([[1, 1, 3, 3]]), np.array([5]))
        array([[0, 0, 0, 0],
               [0, 5, 0, 0],
               [0, 0, 0, 0],
               [0, 0, 0, 0]], dtype=uint8)
    """
    present = np.unique(np.concatenate(([0], class_ids)))
    if len(present) == 1:
        return np.zeros(image.shape[:2], np.uint8)
    allowed = _allowed(image.shape[:2], boxes, np.searchsorted(present, class_ids), len(present))
    unary = np.where(allowed, 0.0, FORBIDDEN).astype(np.float32)
    probabilities = crf_marginals(image, unary, CRF)
    # Strong neighbours can outvote any unary cost, so fixed pixels are enforced here once more.
    best = np.where(allowed, probabilities, -1.0).argmax(axis=0)
    return np.asarray(present[best], np.uint8)


def centre_of(box: NDArray[np.integer]) -> tuple[slice, slice]:
    """Return the rows and columns of the box's centre.

    The centre has the shape of the box and CENTRE of its pixels, at least one.

    Example:
        >>> centre_of(np.array([0, 0, 10, 10]))
        (slice(3, 7, None), slice(3, 7, None))
    """
    x0, y0, x1, y1 = (int(side) for side in box)
    height, width = (max(1, round(side * CENTRE**0.5)) for side in (y1 - y0, x1 - x0))
    top, left = y0 + (y1 - y0 - height) // 2, x0 + (x1 - x0 - width) // 2
    return slice(top, top + height), slice(left, left + width)


def _allowed(
    shape: tuple[int, ...], boxes: NDArray[np.integer], layers: NDArray[np.integer], count: int
) -> NDArray[np.bool_]:
    """L×H×W: which of the image's L classes (background first) each pixel may have; `layers` is each box's class."""
    allowed = np.zeros((count, *shape), bool)
    allowed[0] = True
    order = np.argsort(-box_areas(boxes), kind="stable")
    for box, layer in zip(boxes[order], layers[order], strict=True):
        allowed[layer, box[1] : box[3], box[0] : box[2]] = True
    for box, layer in zip(boxes[order], layers[order], strict=True):
        allowed[:, *centre_of(box)] = False
        allowed[layer, *centre_of(box)] = True
    return allowed
