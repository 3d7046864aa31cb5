"""GrabCut: an object's mask from its box by colour models and graph cuts (Rother, Kolmogorov, Blake, SIGGRAPH 2004).

The paper's second baseline (Table 2, Fig. 2d). OpenCV's implementation, which starts from the box: everything outside
is background for good, everything inside may be the object.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

ITERATIONS = 5
MIN_FILL = 0.1  # of the box: below it GrabCut has lost the object
SEED = 0  # of OpenCV's k-means, which starts the colour models


def grabcut(image: NDArray[np.uint8], box: NDArray[np.integer]) -> NDArray[np.bool_] | None:
    """The mask of the object in a box; the same in every run.

    Args:
        image: H×W×3 uint8.
        box: x0, y0, x1, y1, half-open pixel corners.

    Returns:
        H×W, true within the box only; None where GrabCut finds (nearly) nothing in it, or where the box is the whole
        image and leaves no background to learn from: the box's rectangle is then the usual answer.
    """
    x0, y0, x1, y1 = (int(side) for side in box)
    found = np.zeros(image.shape[:2], np.uint8)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))  # the colour models, 5 Gaussians each
    rectangle = (x0, y0, x1 - x0, y1 - y0)
    cv2.setRNGSeed(SEED)  # for each box: its mask must not depend on what was cut before
    try:
        cv2.grabCut(image, found, rectangle, background, foreground, ITERATIONS, cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # no background, or an object and a background of one colour
        return None
    mask = (found == cv2.GC_FGD) | (found == cv2.GC_PR_FGD)
    return mask if mask.sum() >= MIN_FILL * (x1 - x0) * (y1 - y0) else None
