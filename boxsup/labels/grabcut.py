"""GrabCut: an object's mask from its box by colour models and graph cuts (Rother, Kolmogorov, Blake, SIGGRAPH 2004).

This is the paper's second baseline (Table 2, Fig. 2d). OpenCV's implementation starts from the box: everything outside
is background for good, and everything inside may be the object.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

ITERATIONS = 5
MIN_FILL = 0.1  # share of the box; below it GrabCut has lost the object
SEED = 0  # for OpenCV's k-means, which initialises the colour models


def grabcut(image: NDArray[np.uint8], box: NDArray[np.integer]) -> NDArray[np.bool_] | None:
    """Segment the object in a box; every run gives the same mask.

    Args:
        image: H×W×3 uint8.
        box: x0, y0, x1, y1, half-open pixel corners.

    Returns:
        H×W, true only within the box. None if GrabCut finds (nearly) nothing in it, or if the box is the whole image
        and leaves no background to learn from; callers then usually take the box's rectangle.
    """
    x0, y0, x1, y1 = (int(side) for side in box)
    states = np.zeros(image.shape[:2], np.uint8)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))  # the colour models, 5 Gaussians each
    rectangle = (x0, y0, x1 - x0, y1 - y0)
    cv2.setRNGSeed(SEED)  # for each box, so that its mask does not depend on earlier ones
    try:
        cv2.grabCut(image, states, rectangle, background, foreground, ITERATIONS, cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # no background, or an object and a background of one colour
        return None
    mask = (states == cv2.GC_FGD) | (states == cv2.GC_PR_FGD)
    return mask if mask.sum() >= MIN_FILL * (x1 - x0) * (y1 - y0) else None
