"""Soft masks of boxes, one value per superpixel: where the semantic network sees the class, and the object map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.labels.candidates import Candidates, LogProbabilities
from boxsup.objects.maps import map_on_box

MAX_PROBABILITY = 1 - 1e-4  # of a class, so that its log-odds end at 9.2
MIN_SHARE = 1e-3  # of an object map, so that its log-odds end at 6.9


def soft_masks(
    log_probabilities: LogProbabilities, candidates: Candidates, expected: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return where in each box the network sees the class: one value in [0, 1] per superpixel, 0 outside the box.

    The value on superpixel r is σ(o(r) - t). o(r) is the mean of the class's log-odds log p_l / (1 - p_l) over the
    pixels of r in the box. t is such that the superpixels with a value of 1/2 or more fill as much of the box as its
    candidates fill on average. A young network is sure of the background and of nothing else: it knows where the object
    is before it knows how large it is. The candidates decide the size, so that no update shrinks the objects of the
    next one.

    o is exact; the logistic function is taken of a superpixel's mean, not of each pixel.

    Args:
        log_probabilities: 1 + B arrays H×W of natural logarithms: of the background, then of each box's class.
        candidates: The candidates of the image.
        expected: B×R in [0, 1], the share of the box's candidates that holds each superpixel, from
            `boxsup.labels.costs.expectation`.

    Returns:
        B×R values.
    """
    masks = np.zeros_like(candidates.inside)
    for row, window in enumerate(candidates.windows()):
        pixels = candidates.inside[row]
        held = np.flatnonzero(pixels)
        log_p = log_probabilities[1 + row][window]
        odds = log_p - np.log1p(-np.minimum(np.exp(log_p), MAX_PROBABILITY))
        sums = np.bincount(candidates.superpixels[window].ravel(), odds.ravel(), minlength=len(pixels))
        mean = sums[held] / pixels[held]
        order = np.argsort(-mean, kind="stable")
        filled = np.cumsum(pixels[held][order])
        last = np.searchsorted(filled, (pixels * expected[row]).sum())
        threshold = mean[order[min(int(last), len(order) - 1)]]
        masks[row, held] = 1 / (1 + np.exp(threshold - mean))
    return masks


def object_masks(candidates: Candidates, maps: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the value of each box's object map on each superpixel: B×R in [0, 1], 0 outside the box."""
    masks = np.zeros_like(candidates.inside)
    for row, (box, window) in enumerate(zip(candidates.boxes, candidates.windows(), strict=True)):
        pixels = candidates.inside[row]
        held = np.flatnonzero(pixels)
        odds = log_odds(map_on_box(maps[row], box))
        sums = np.bincount(candidates.superpixels[window].ravel(), odds.ravel(), minlength=len(pixels))
        masks[row, held] = 1 / (1 + np.exp(-sums[held] / pixels[held]))
    return masks


def corrected_masks(semantic: NDArray[np.float32], objects: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Join where the semantic network sees the class with the object map: their normalised geometric mean.

    q ∝ (p · p_anc^α)^(1 / (α + 1)), Eq. 6 of Ibrahim, Vahdat, Ranjbar, Macready, "Semi-Supervised Semantic Image
    Segmentation with Self-Correcting Networks" (CVPR 2020), where p_anc is the network that sees the box. Of object
    and background that is the weighted mean of the log-odds.

    Args:
        semantic: B×R, from `soft_masks`.
        objects: B×R, from `object_masks`.
        weight: α, 0 or more: the weight of the object map; that of the semantic network is 1.

    Returns:
        B×R in [0, 1], 0 where both are 0: outside of the boxes.

    Example:
        >>> corrected_masks(np.float32([[0.5, 0]]), np.float32([[0.9, 0]]), 1.0).round(3)
        array([[0.75, 0.  ]], dtype=float32)
    """
    odds = (log_odds(semantic) + weight * log_odds(objects)) / (1 + weight)
    return np.asarray(((semantic > 0) | (objects > 0)) / (1 + np.exp(-odds)), np.float32)


def log_odds(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return log p / (1 - p), with p at least MIN_SHARE from 0 and from 1."""
    clipped = np.clip(shares, MIN_SHARE, 1 - MIN_SHARE)
    return np.asarray(np.log(clipped / (1 - clipped)), np.float32)
