"""What the update weighs for a box's choice, and whether the box would choose otherwise if a little were different."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxsup.config.update import UpdateSettings
from boxsup.image.boxes import box_blocks, box_iou
from boxsup.labels.choice import ranking
from boxsup.labels.costs import Candidates, expectation, object_costs, overlap_costs, regression_costs
from boxsup.objects.views import Views
from boxsup.proposals.pool import Pool

WARMER = 2.0  # the other temperature, as a multiple of the update's


class Weighed(NamedTuple):
    """What is known of a box beside its choice.

    Attributes:
        shares: R values in [0, 1]: the share of the candidates that holds each superpixel
            (`boxsup.labels.costs.expectation`).
        stability: Mean IoU, in the box, of the chosen candidate with those that the box would choose by other views
            (`boxsup.objects.views`) and at WARMER times the temperature.
    """

    shares: NDArray[np.float32]
    stability: float


def weigh(
    pool: Pool,
    corners: NDArray[np.int64],
    chosen: NDArray[np.integer],
    log_probabilities: Sequence[NDArray[np.float32]] | None,
    views: Views,
    settings: UpdateSettings,
) -> list[Weighed]:
    """Weigh the candidates of an image's boxes again, as the update does, and then with differences.

    Args:
        pool: The N candidates of the image.
        corners: B×4 half-open pixel corners of boxes that chose a candidate.
        chosen: B indices of what they chose.
        log_probabilities: 1 + B arrays H×W of natural logarithms, of the background and of each box's class; None
            without a semantic network.
        views: What object networks see in the boxes.
        settings: Settings of the update.
    """
    members, weighed = pool.matrix().astype(np.float32), []
    for block in box_blocks(len(corners)):
        own = corners[block]
        candidates = Candidates(pool.superpixels, members, pool.boxes, own, box_iou(own, pool.boxes))
        costs = overlap_costs(candidates, settings)
        if log_probabilities is not None:
            asked = [log_probabilities[0], *log_probabilities[1:][block]]
            costs = costs + settings.lambda_ * regression_costs(asked, candidates, costs, settings)
        seen = [costs + settings.mu * object_costs(candidates, maps[block]) for maps in (views.maps, *views.others)]
        warmer = settings.changed(temperature=WARMER * settings.temperature)
        ways = [(seen[0], warmer), *((each, settings) for each in seen[1:])]
        others = [_best(candidates, each, temperature) for each, temperature in ways]
        agreement = np.mean([_iou(candidates, chosen[block], other) for other in others], axis=0)
        shares = expectation(candidates, seen[0], settings)
        weighed += [Weighed(*pair) for pair in zip(shares, agreement.tolist(), strict=True)]
    return weighed


def _best(candidates: Candidates, costs: NDArray[np.float64], settings: UpdateSettings) -> NDArray[np.int64]:
    return ranking(candidates, costs, expectation(candidates, costs, settings), settings)[0][:, 0]


def _iou(candidates: Candidates, some: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[np.float64]:
    """The IoU, in each box, of two candidates; 1 if both lie outside."""
    first, second = candidates.members[some], candidates.members[others]
    both = (candidates.inside * first * second).sum(axis=1)
    either = (candidates.inside * np.maximum(first, second)).sum(axis=1)
    return np.divide(both, either, out=np.ones(len(both)), where=either > 0, dtype=np.float64)
