"""Sharper segments: which pixels of a box are its object, by all that the update knows of the box.

A candidate is made of superpixels, and its outline is that of one segmentation. The box's other candidates, its object
map and the semantic network say more of each pixel than which candidate is the best. So the chosen candidate says how
much of the box is object, and they say which pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.labels.choice import Choice, chosen_pixels
from boxsup.labels.soft_masks import log_odds
from boxsup.objects.maps import map_on_box
from boxsup.proposals.pool import Pool

# Weights of 1, the share of the box's candidates that hold a pixel, the log-odds of the object map, the share of the
# box that the chosen candidate fills, and the log-odds by which the semantic network sees the class there.
# `benchmarks/mask_pixels.py` fits them to pixels of training photographs with true masks.
WEIGHTS = (-1.8, 2.85, 0.52, 1.3, 0.2)
LEAST = 0.35  # a pixel is the object from this probability on: below 1/2, as the greatest expected IoU asks for
SEEN_IN_HOLE = 0.1  # a hole is filled if the map's mean in it is above


def sharpened(choice: Choice, pool: Pool, box: NDArray[np.integer], map_: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which pixels of a box are the object of a box that chose a candidate.

    Args:
        choice: What the box chose: a candidate.
        pool: The candidates of the image.
        box: Half-open pixel corners of the box.
        map_: s×s, its object map.

    Returns:
        h×w; the chosen candidate if no pixel is probable enough.
    """
    seen = map_on_box(map_, box)
    mask = object_mask(probabilities_of(choice, pool, box, seen), seen)
    return mask if mask.any() else chosen_pixels(choice.chosen, box, pool, map_)


def probabilities_of(
    choice: Choice, pool: Pool, box: NDArray[np.integer], seen: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Say how probably each pixel of a box is its object.

    Args:
        choice: What the box chose: a candidate.
        pool: The candidates of the image.
        box: Half-open pixel corners of the box.
        seen: h×w in [0, 1], its object map on its pixels.

    Returns:
        h×w in [0, 1].
    """
    assert choice.shares is not None  # of a box that chose a candidate
    x0, y0, x1, y1 = map(int, box)
    window = np.s_[y0:y1, x0:x1]
    superpixels, fill = pool.superpixels[window], float(pool.mask(choice.chosen, window).mean())
    where = None if choice.where is None else choice.where[superpixels]
    return object_probabilities(choice.shares[superpixels], seen, fill, where)


def object_probabilities(
    shares: NDArray[np.float32], seen: NDArray[np.float32], fill: float, where: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Say how probably each pixel of a box is the object.

    Args:
        shares: h×w in [0, 1], the share of the box's candidates that holds each pixel
            (`boxsup.labels.costs.expectation`).
        seen: h×w in [0, 1], the object map.
        fill: The share of the box that the chosen candidate fills.
        where: h×w in [0, 1], where the semantic network sees the class (`boxsup.labels.soft_masks.soft_masks`); None if
            none was asked.

    Returns:
        h×w in [0, 1], the logistic function of a weighted sum.
    """
    one, of_shares, of_map, of_fill, of_network = WEIGHTS
    logits = one + of_shares * shares + of_map * log_odds(seen) + of_fill * fill
    if where is not None:
        logits += of_network * log_odds(where)
    return np.asarray(0.5 + 0.5 * np.tanh(logits / 2), np.float32)


def object_mask(probabilities: NDArray[np.float32], seen: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Make the mask of a box, in any number of pieces; a hole stays if the map sees nothing of the object in it.

    Args:
        probabilities: h×w of `object_probabilities`.
        seen: h×w in [0, 1], the object map.

    Returns:
        h×w.
    """
    mask = probabilities >= LEAST
    frame = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    count, pieces = cv2.connectedComponents(frame, connectivity=4)
    around, pieces = pieces[0, 0], pieces[1:-1, 1:-1]
    sums = np.bincount(pieces.ravel(), seen.ravel(), minlength=count)
    sizes = np.bincount(pieces.ravel(), minlength=count)
    filled = sums > SEEN_IN_HOLE * sizes
    filled[[0, around]] = False  # 0 is the mask
    return np.asarray(mask | filled[pieces])
