"""The last step of every proposal method: drop candidates of unfit sizes, copies, and those close to a better one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from boxsup.config.proposals import ProposalSettings
from boxsup.proposals.pool import Pool, candidate_areas, distinct_rows, make_pool, tight_boxes
from boxsup.proposals.regions import region_boxes
from boxsup.proposals.suppression import suppress

# A method with its settings: (H×W×3 RGB image in [0, 255], image id) -> pool.
Proposer = Callable[[NDArray[np.uint8], str], Pool]
WARM_UP = ""  # the id of no image; a method gets a picture under this id once, so that its loops are compiled


class BoxProposer(Protocol):
    """A method for images with boxes, of which small ones may have views of their own."""

    def __call__(
        self, image: NDArray[np.uint8], image_id: str, boxes: NDArray[np.integer], own: Pool | None = None
    ) -> Pool:
        """Make the pool of an image.

        Args:
            image: H×W×3 uint8 RGB.
            image_id: Its id.
            boxes: B×4 half-open pixel corners.
            own: What the method's `Proposer` makes of the image, if that is known: it is not made again.
        """


def select(
    labels: NDArray[np.integer],
    matrix: NDArray[np.bool_],
    settings: ProposalSettings,
    scores: NDArray[np.float64] | None = None,
    diverse: float = 1.0,
) -> Pool:
    """Make the pool of the best candidates.

    Args:
        labels: H×W superpixel of each pixel, 0…R-1, every one of them present.
        matrix: N×R superpixels of each candidate, best candidate first; empty ones are dropped.
        settings: `min_area` and `max_area` (shares of the image that a candidate may cover), `nms` (greatest IoU of
            two candidates of the pool), `max_candidates`.
        scores: N scores, falling; None: candidates score by their order, 0, -1, -2 …
        diverse: Candidates whose IoU with all earlier ones of this kind is at most this come first.

    Returns:
        At least one candidate: the whole image if no other is fit.
    """
    pixels = np.bincount(labels.ravel())
    share = candidate_areas(matrix, pixels) / labels.size
    fit = np.flatnonzero((settings.min_area <= share) & (share <= settings.max_area) & (share > 0))
    fit = fit[distinct_rows(matrix[fit])]
    if not len(fit):
        return make_pool(labels, np.ones((1, len(pixels)), np.bool_), np.zeros(1))
    rows = matrix[fit]
    boxes = tight_boxes(rows, region_boxes(labels, len(pixels)))
    if diverse < 1:
        first = suppress(rows, boxes, pixels, diverse, settings.max_candidates)
        order = np.concatenate([first, np.setdiff1d(np.arange(len(fit)), first)])
        fit, rows, boxes = fit[order], rows[order], boxes[order]
    kept = fit[suppress(rows, boxes, pixels, settings.nms, settings.max_candidates)]
    return make_pool(labels, matrix[kept], -np.arange(len(kept), dtype=np.float64) if scores is None else scores[kept])
