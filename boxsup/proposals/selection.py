"""What every proposal method ends with: candidates of a fit size, none twice, none too close to a better one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from boxsup.config.proposals import ProposalSettings
from boxsup.proposals.pool import Pool, areas, distinct_rows, make_pool, tight_boxes
from boxsup.proposals.regions import region_boxes
from boxsup.proposals.suppression import suppress

# A method with its settings: from an H×W×3 RGB image in [0, 255] and its id to its pool.
Proposer = Callable[[NDArray[np.uint8], str], Pool]

WARM_UP = ""  # the id, of no image, under which a method is shown a picture once, so that its loops are compiled


def select(
    labels: NDArray[np.integer],
    matrix: NDArray[np.bool_],
    settings: ProposalSettings,
    scores: NDArray[np.float64] | None = None,
    diverse: float = 1.0,
) -> Pool:
    """The pool of the best candidates.

    Args:
        labels: H×W superpixel of each pixel, 0…R-1, every one of them present.
        matrix: N×R superpixels of each candidate, best candidate first; empty ones are passed over.
        settings: `min_area` and `max_area` (shares of the image that a candidate may cover), `nms` (greatest IoU of
            two of the pool), `max_candidates`.
        scores: N, falling; without, candidates score their place in the pool: 0, -1, -2 …
        diverse: Candidates whose IoU with none of these before is above it come first.

    Returns:
        At least one candidate: the whole image where no other is fit.
    """
    pixels = np.bincount(labels.ravel())
    share = areas(matrix, pixels) / labels.size
    fit = np.flatnonzero((settings.min_area <= share) & (share <= settings.max_area) & (share > 0))
    fit = fit[distinct_rows(matrix[fit])]
    if not len(fit):
        return make_pool(labels, np.ones((1, len(pixels)), np.bool_), np.zeros(1))
    found = matrix[fit]
    boxes = tight_boxes(found, region_boxes(labels, len(pixels)))
    if diverse < 1:
        first = suppress(found, boxes, pixels, diverse, settings.max_candidates)
        order = np.concatenate([first, np.setdiff1d(np.arange(len(fit)), first)])
        fit, found, boxes = fit[order], found[order], boxes[order]
    kept = fit[suppress(found, boxes, pixels, settings.nms, settings.max_candidates)]
    return make_pool(labels, matrix[kept], -np.arange(len(kept), dtype=np.float64) if scores is None else scores[kept])
