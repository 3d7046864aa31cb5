"""VOC's colours of classes, and label maps drawn over photographs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.image import VOID

OPACITY = 0.65  # of labels over a photograph
FADE = 0.35  # how far a grey photograph is lightened, since the colours of some classes are grey or nearly black


def voc_palette() -> NDArray[np.uint8]:
    """VOC's 256 colours, 256×3 uint8 RGB: the bits of a label go to red, green and blue in turn, high bits first.

    >>> voc_palette()[1]
    array([128,   0,   0], dtype=uint8)
    """
    labels = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((labels >> (3 * bit + channel) & 1) << (7 - bit)).astype(np.uint8)
    return colours


PALETTE = voc_palette()  # 256×3 uint8 RGB by label; void (255) has the cream of VOC's borders


def css_colour(label: int) -> str:
    """A label's colour in CSS.

    >>> css_colour(1)
    '#800000'
    """
    return "#{:02x}{:02x}{:02x}".format(*PALETTE[label])


def colour_id(class_id: int) -> int:
    """The label whose colour a class has; there may be more classes than labels.

    >>> colour_id(1), colour_id(254), colour_id(255)
    (1, 254, 1)
    """
    return 1 + (class_id - 1) % (VOID - 1)


def text_colour(label: int) -> tuple[int, int, int]:
    """Black or white as RGB, whichever is easier to read on a label's colour (relative luminance of WCAG 2).

    >>> text_colour(1)
    (255, 255, 255)
    """
    linear = (PALETTE[label] / 255.0) ** 2.2
    return (0, 0, 0) if linear @ (0.2126, 0.7152, 0.0722) > 0.179 else (255, 255, 255)


def faded(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A photograph (H×W×3 uint8 RGB) in light grey, H×W×3 float32 in [0, 255], so that colours on it stand out.

    >>> faded(np.zeros((1, 1, 3), np.uint8))[0, 0]
    array([89.25, 89.25, 89.25], dtype=float32)
    """
    grey = cv2.cvtColor(cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(255 * FADE + (1 - FADE) * grey, np.float32)


def overlay(image: NDArray[np.uint8], labels: NDArray[np.uint8], grey: bool = True) -> NDArray[np.uint8]:
    """Draw labels over a photograph in VOC's colours, each region with a white outline.

    Args:
        image: H×W×3 uint8 RGB.
        labels: H×W uint8; the background shows the photograph.
        grey: Make the photograph grey first, so that its colours are not taken for labels.

    Returns:
        H×W×3 uint8 RGB.

    Example:
        >>> overlay(np.zeros((1, 2, 3), np.uint8), np.ones((1, 2), np.uint8))[0, 0]
        array([114,  31,  31], dtype=uint8)
    """
    base = faded(image) if grey else image.astype(np.float32)
    shown = labels != 0
    blended = base.copy()
    blended[shown] = (1 - OPACITY) * base[shown] + OPACITY * PALETTE[labels[shown]]
    blended[_edges(labels)] = 255
    return np.rint(blended).astype(np.uint8)


def _edges(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """H×W bool, true on the pixels of classes that touch another label."""
    lowest = cv2.erode(labels, np.ones((3, 3), np.uint8))
    highest = cv2.dilate(labels, np.ones((3, 3), np.uint8))
    return np.asarray((labels != 0) & (labels != VOID) & (lowest != highest))
