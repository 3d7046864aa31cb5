"""Bbox-Seg: objects' masks from their boxes by a dense CRF (Papandreou, Chen, Murphy, Yuille, ICCV 2015, section 3.2).

The baseline that the paper compares with (WSSL in Tables 2 and 4). Theirs: the centre of each box, 20 % of its pixels,
is held to be the object, everything outside the boxes to be background, by the CRF's unary terms; the CRF fills in the
labels between. Theirs as well: the CRF's weights, chosen on a few images with masks, which their released scripts give
for these labels (`SetupEnv.m`, "bboxErode20").

Ours, where the text is silent: the centre has the shape of its box; a pixel between may be background or any label
whose box holds it, all at the same unary cost; where centres overlap, the smaller box's counts, as in their rule for
rectangles; ten iterations of mean field over the labels of the image.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.config.inference import CrfSettings
from boxsup.inference.crf import crf_marginals

CENTRE = 0.2  # of the box's pixels
CRF = CrfSettings(
    iterations=10,
    spatial_xy=3.0,
    spatial_weight=15.0,
    bilateral_xy=37.0,
    bilateral_rgb=3.0,
    bilateral_weight=45.0,
    least_probability=0.0,
)
FORBIDDEN = -1000.0  # log-probability of a label that a pixel may not have


def bbox_seg(image: NDArray[np.uint8], boxes: NDArray[np.integer], labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The label map of an image's boxes.

    Args:
        image: H×W×3 uint8 RGB.
        boxes: B×4 half-open pixel corners x0, y0, x1, y1.
        labels: B, 1…C-1.

    Returns:
        H×W uint8: 0 outside the boxes; of several labels that are as likely, the smallest.
    """
    present = np.unique(np.concatenate(([0], labels)))
    if len(present) == 1:
        return np.zeros(image.shape[:2], np.uint8)
    allowed = _allowed(image.shape[:2], boxes, np.searchsorted(present, labels), len(present))
    unary = np.where(allowed, 0.0, FORBIDDEN).astype(np.float32)
    found = crf_marginals(image, unary, CRF)
    # Strong neighbours outvote any unary cost: what is held to be, is.
    best = np.where(allowed, found, -1.0).argmax(axis=0)
    return np.asarray(present[best], np.uint8)


def centre_of(box: NDArray[np.integer]) -> tuple[slice, slice]:
    """Rows and columns of the box's centre: its shape, CENTRE of its pixels, one at least."""
    x0, y0, x1, y1 = (int(side) for side in box)
    height, width = (max(1, round(side * CENTRE**0.5)) for side in (y1 - y0, x1 - x0))
    top, left = y0 + (y1 - y0 - height) // 2, x0 + (x1 - x0 - width) // 2
    return slice(top, top + height), slice(left, left + width)


def _allowed(
    shape: tuple[int, ...], boxes: NDArray[np.integer], layers: NDArray[np.integer], count: int
) -> NDArray[np.bool_]:
    """L×H×W: which of the image's labels, background first, a pixel may have; of each box its layer."""
    allowed = np.zeros((count, *shape), bool)
    allowed[0] = True
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order = np.argsort(-areas, kind="stable")
    for box, layer in zip(boxes[order], layers[order], strict=True):
        allowed[layer, box[1] : box[3], box[0] : box[2]] = True
    for box, layer in zip(boxes[order], layers[order], strict=True):
        allowed[:, *centre_of(box)] = False
        allowed[layer, *centre_of(box)] = True
    return allowed
