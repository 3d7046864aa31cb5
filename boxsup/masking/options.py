"""What else a box could have chosen: its best candidates, of which no two are much alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import corners_of
from boxsup.config.update import UpdateSettings
from boxsup.image.boxes import on_image
from boxsup.masking.box_masks import ImageScores, choices_of_boxes
from boxsup.proposals.pool import Pool

OPTIONS = 8  # candidates that are offered for a box, at most
WEIGHED = 64  # best candidates that they are taken from
ALIKE = 0.85  # IoU from which on two masks are one to a person


def options_of_boxes(
    image: str,
    pool: Pool,
    boxes: pd.DataFrame,
    log_probabilities: NDArray[np.float32] | None,
    maps: NDArray[np.uint8] | None,
    settings: UpdateSettings,
) -> list[list[NDArray[np.bool_]]]:
    """Give each box of an image its best candidates by the update's costs, cut at the box, the best first.

    Args:
        image: Id of the image.
        pool: Candidates of the image.
        boxes: The image's B rows of the catalogue's table of boxes.
        log_probabilities: C×H×W natural logarithms from a semantic network; None without one.
        maps: B×s×s object maps of the boxes; None without.
        settings: Settings of the update.

    Returns:
        For each box at most OPTIONS masks, H×W; none for a box that no candidate fits.
    """
    network = None if log_probabilities is None else ImageScores(log_probabilities, pool.superpixels.shape)
    many = settings.model_copy(update={"k": WEIGHED})
    choices = choices_of_boxes(image, pool, boxes, network, maps, many)
    return [list(_unlike(pool, box, own.best)) for box, own in zip(corners_of(boxes), choices, strict=True)]


def _unlike(pool: Pool, box: NDArray[np.int64], best: NDArray[np.int64]) -> Iterator[NDArray[np.bool_]]:
    """The candidates in a box, without those that are like an earlier one."""
    x0, y0, x1, y1 = box
    window, taken = np.s_[y0:y1, x0:x1], list[NDArray[np.bool_]]()
    for candidate in best.tolist():
        inside = pool.mask(candidate, window)
        if not inside.any() or any(mask_iou(inside, other) >= ALIKE for other in taken):
            continue
        taken.append(inside)
        yield on_image(inside, box, pool.superpixels.shape)
        if len(taken) == OPTIONS:
            return


def mask_iou(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """IoU of two masks of one size; 0 if both are empty.

    >>> mask_iou(np.array([True, True]), np.array([True, False]))
    0.5
    """
    return float((mask & other).sum() / max(1, int((mask | other).sum())))
