"""Paint the segments of boxes into one label map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boxsup.image import VOID

TIE = 1e-5  # claims that differ by less are equal: their last bits depend on the processor and on the other boxes


def paint(
    height: int,
    width: int,
    boxes: NDArray[np.integer],
    class_ids: NDArray[np.integer],
    masks: Sequence[NDArray[np.bool_] | None],
    clip: bool,
    claims: Sequence[NDArray[np.floating] | None] | None = None,
) -> NDArray[np.uint8]:
    """Paint the boxes' segments over background.

    Where segments overlap, the box with the strongest claim to the pixel wins. Without claims, or between equal ones,
    the smaller box wins, since the nearer object is more often the smaller one (WSSL's rule for rectangles); between
    equal boxes, the later one wins. So does a box without a claim over larger ones, and smaller ones over it. Claims
    that differ by less than TIE are equal. Void never covers a class.

    Args:
        height: Height of the image, in pixels.
        width: Width of the image, in pixels.
        boxes: B×4 half-open pixel corners x0, y0, x1, y1.
        class_ids: B classes, 1…C-1, or 255 for void.
        masks: B masks, H×W each, or None for the box's rectangle; each mask is read once.
        clip: Whether each segment ends at its box.
        claims: B claims to the pixels of the box, h×w each, 0 or more, or None; what lies outside the box is 0.

    Returns:
        H×W uint8 label map.

    Example:
        >>> paint(1, 4, np.array([[0, 0, 4, 1], [1, 0, 2, 1]]), np.array([1, 2]), [None, None], clip=True)
        array([[1, 2, 1, 1]], dtype=uint8)
    """
    painted = np.zeros((height, width), np.uint8)
    strongest = None if claims is None else np.zeros((height, width), np.float32)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    # np.lexsort sorts by its last key first: void before classes, then large before small, then the order of the boxes.
    for index in np.lexsort((-areas, class_ids != VOID)):
        mask, class_id = masks[index], class_ids[index]
        x0, y0, x1, y1 = boxes[index]
        box = np.s_[y0:y1, x0:x1]
        # What may be painted, and the box in it.
        window, inner = (box, np.s_[:, :]) if clip or mask is None else (np.s_[:, :], box)
        held = np.ones((y1 - y0, x1 - x0), np.bool_) if mask is None else mask[window]
        if claims is not None and strongest is not None and (own := claims[index]) is not None:
            claim = np.zeros(held.shape, np.float32)
            claim[inner] = own
            held = taken(held, claim, strongest[window])
        elif strongest is not None:
            strongest[window][held] = 0  # of what lies below; smaller boxes may cover it
        painted[window][held] = class_id
    return painted


def taken(held: NDArray[np.bool_], claim: NDArray[np.floating], strongest: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say which pixels of its segment a box takes: those to which no box before it has a stronger claim, but for TIE.

    Args:
        held: h×w, the pixels of its segment.
        claim: h×w, how surely each is its object, 0 or more.
        strongest: h×w, the strongest claim of the boxes before; that of the box takes its place where it is stronger.

    >>> strongest = np.array([0.5, 0.5, 0.5], np.float32)
    >>> taken(np.array([True, True, False]), np.array([0.4, 0.6, 0.9]), strongest), strongest
    (array([False,  True, False]), array([0.5, 0.6, 0.5], dtype=float32))
    """
    own = held & (claim >= strongest - TIE)
    strongest[own] = np.maximum(strongest[own], claim[own])
    return own
