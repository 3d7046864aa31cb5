"""Sharper masks: a chosen candidate, corrected pixel by pixel by all candidates together and by the object map."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.labels.soft_masks import log_odds

# Weights of 1, the candidate, the candidates' shares, the log-odds of the map, and the candidate's share of the box.
# Fitted to pixels of training photographs, as are those of the score (`boxsup.masking.quality`).
WEIGHTS = (-2.02, 0.44, 2.15, 0.73, 1.71)
LEAST = 0.35  # a pixel is the object from this probability on: below 1/2, as the greatest expected IoU asks for
SEEN_IN_HOLE = 0.1  # a hole is filled if the map's mean in it is above


def object_probabilities(
    chosen: NDArray[np.bool_], shares: NDArray[np.float32], seen: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Say how probably each pixel of a box is the object.

    Args:
        chosen: h×w, the chosen candidate in the box.
        shares: h×w in [0, 1], the share of the box's candidates that holds each pixel.
        seen: h×w in [0, 1], the object map.

    Returns:
        h×w in [0, 1]: the logistic function of a weighted sum of these and of the share of the box that is chosen.
    """
    one, candidate, expected, map_, fill = WEIGHTS
    logits = one + candidate * chosen + expected * shares + map_ * log_odds(seen) + fill * chosen.mean()
    return np.asarray(0.5 + 0.5 * np.tanh(logits / 2), np.float32)


def refined(probabilities: NDArray[np.float32], seen: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Make the mask of a box, in any number of pieces; a hole stays if the map sees nothing of the object in it.

    Args:
        probabilities: h×w of `object_probabilities`.
        seen: h×w in [0, 1], the object map.
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
