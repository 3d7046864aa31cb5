"""What a candidate costs a box (section 4.3 of the paper), for all candidates and boxes of an image at once.

For a box B with label l, a candidate S out of the image's N, the network's log-probabilities X, and the map m of the
box by an object network (`boxsup.objects`):

    cost(S) = E_o(S) + λ E_r(S) + μ E_b(S)
    E_o(S) = 1 - IoU(B, tight box of S)                                                      (Eq. 2)
    E_r(S) = Σ_p e(X(p), l_S(p)),  l_S = l inside S, background outside; e: cross-entropy    (Eq. 3)
    E_b(S) = mean_{p∈B} |l_S(p) - m(p)|,  l_S = 1 inside S, 0 outside                        (ours)

`update.correction` puts one distance, from the mask that joins both networks', in the place of E_r and E_b.

The paper leaves open how its two terms are scaled against each other; taken literally, the loop collapses. So each of
them comes in two versions, chosen by name: the paper's, with its scaling as an option, and ours. `docs/update.md` has
the measurements behind the defaults. Costs are always minimised ("the largest costs" in the paper's text means the
best).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.config.update import ExpectationSettings, UpdateSettings
from boxsup.image.boxes import box_areas, box_intersections
from boxsup.labels.candidates import Candidates, LogProbabilities
from boxsup.labels.soft_masks import object_masks, soft_masks


def overlap_costs(candidates: Candidates, settings: ExpectationSettings) -> NDArray[np.float64]:
    """Return E_o of each candidate.

    `overlap: tight_box` is the paper's: 1 - IoU(B, b(S)) with b(S) the tight box of S, divided by N if `overlap_norm`
    is "candidates" (Eq. 2 as printed).

    `overlap: coverage` is 1 - |b(S) ∩ B| / |B| + `leak` · |S ∖ B| / |S| + `rank` · log n for the n-th candidate of the
    pool. Whatever leaves the box is cut off anyway. IoU only knows tight boxes, so it punishes a thin tail outside the
    box as much as a missing half; but a region of which much lies outside is background. The order of the pool says how
    good the proposal method thought the candidate before it knew the box.

    Returns:
        B×N costs, 0 or more.

    Example:
        >>> halves, box = np.array([[0, 0, 1, 1], [1, 0, 2, 1]]), np.array([[0, 0, 2, 1]])
        >>> two = Candidates(np.array([[0, 1]]), np.eye(2, dtype=np.float32), halves, box, np.array([[0.5, 0.5]]))
        >>> overlap_costs(two, UpdateSettings.model_construct(overlap="tight_box", overlap_norm="none"))
        array([[0.5, 0.5]])
    """
    if settings.overlap == "tight_box":
        cost = 1.0 - np.asarray(candidates.iou, np.float64)
        return cost / candidates.iou.shape[1] if settings.overlap_norm == "candidates" else cost
    covered = box_intersections(candidates.boxes, candidates.tight) / box_areas(candidates.boxes)[:, None]
    pixels = np.bincount(candidates.superpixels.ravel(), minlength=candidates.members.shape[1]).astype(np.float32)
    leaking = 1.0 - candidates.clipped.astype(np.float64) / (candidates.members @ pixels)
    rank = np.log(np.arange(1, len(candidates.tight) + 1))
    return np.asarray(1.0 - covered + settings.leak * leaking + settings.rank * rank)


def regression_costs(
    log_probabilities: LogProbabilities,
    candidates: Candidates,
    overlap: NDArray[np.float64],
    settings: UpdateSettings,
) -> tuple[NDArray[np.float64], NDArray[np.float32] | None]:
    """Return E_r of each candidate by the term that `regression` names.

    `regression: agreement` is Eq. 3 over the box, with the distance from the soft mask m of `soft_masks` in place of
    cross-entropy: E_r = mean_{p∈B} |l_S(p) - m(p)|, with l_S = 1 inside S, else 0. A superpixel lowers the cost from
    m = 1/2 on, whatever else S holds. With 1 - IoU of S and m it would do so from a third on, and objects would swell
    from one generation to the next.

    Args:
        log_probabilities: 1 + B arrays H×W of natural logarithms: of the background, then of each box's class.
        candidates: The N candidates of the image.
        overlap: B×N, E_o from `overlap_costs`.
        settings: `regression` and what it reads.

    Returns:
        B×N costs, and the B×R soft masks; None with `regression: cross_entropy`, which makes none.
    """
    if settings.regression == "cross_entropy":
        return cross_entropy_costs(log_probabilities, candidates, settings), None
    where = soft_masks(log_probabilities, candidates, expectation(candidates, overlap, settings))
    return distances(candidates, where), where


def distances(candidates: Candidates, masks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean distance of each candidate from a soft mask of each box, mean_{p∈B} |l_S(p) - m(p)|.

    Args:
        candidates: The N candidates of the image.
        masks: B×R in [0, 1], the mask's value on each superpixel; what lies outside of the box does not count.

    Returns:
        B×N in [0, 1].
    """
    shares = candidates.inside / candidates.inside.sum(axis=1, keepdims=True)
    constants = (shares * masks).sum(axis=1, keepdims=True)
    return np.asarray(candidates.sums(shares * (1 - 2 * masks)) + constants, np.float64)


def object_costs(candidates: Candidates, maps: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return E_b = mean_{p∈B} |l_S(p) - m(p)| of each candidate: its distance from the box's object map.

    A superpixel has one value of m, as in `soft_masks`: the logistic function of the map's mean log-odds over the
    superpixel's pixels in the box. A map without knowledge, 1/2 everywhere, costs all candidates the same.

    Args:
        candidates: The N candidates of the image.
        maps: B×s×s object maps, each stretched over its box; see `boxsup.objects.maps`.

    Returns:
        B×N costs in [0, 1].
    """
    return distances(candidates, object_masks(candidates, maps))


def cross_entropy_costs(
    log_probabilities: LogProbabilities, candidates: Candidates, settings: UpdateSettings
) -> NDArray[np.float64]:
    """Return E_r of Eq. 3 (`regression: cross_entropy`), exactly.

    With d(p) = log p_background(p) - log p_l(p), E_r = K + Σ_{p∈S} d(p), where K = -Σ_p log p_background(p) depends on
    the image and not on S. The sum is a product of the candidate × superpixel matrix with the superpixels' sums of d.

    Args:
        log_probabilities: 1 + B arrays H×W of natural logarithms: of the background, then of each box's class.
        candidates: The N candidates of the image.
        settings: `region` (the pixels p of the sum: the whole image as in Eq. 3, or the box), `norm` (what divides the
            sum: nothing as in Eq. 3, the number of pixels of the image or of the box), `centre` and `clamp` (see
            `pixel_costs`).

    Returns:
        B×N costs in nats (per pixel if normalised). With `centre`, the part that all candidates share is left out.
    """
    superpixels, regions = candidates.superpixels, candidates.members.shape[1]
    sums = np.empty((len(candidates.boxes), regions))
    constants = np.zeros(len(sums))
    pixels = np.empty(len(sums))
    for row, box in enumerate(candidates.windows()):
        window = box if settings.region == "box" else (slice(None), slice(None))
        background = np.asarray(log_probabilities[0][window], np.float64)
        costs = pixel_costs(background, np.asarray(log_probabilities[1 + row][window], np.float64), settings)
        sums[row] = np.bincount(superpixels[window].ravel(), costs.ravel(), minlength=regions)
        if not settings.centre:
            constants[row] = -background.sum()
        pixels[row] = {"none": 1, "image": superpixels.size, "box": superpixels[box].size}[settings.norm]
    return np.asarray((candidates.sums(sums) + constants[:, None]) / pixels[:, None])


def pixel_costs(
    background: NDArray[np.float64], label: NDArray[np.float64], settings: UpdateSettings
) -> NDArray[np.float64]:
    """Return the cost of giving a pixel the class instead of background: d(p) = log p_background - log p_label.

    `centre` subtracts the mean of d over these pixels: candidates are then ranked by *where* the network sees the
    object most, not by how sure it is of the object. With `clamp` > 0 a pixel counts at most that many nats, either
    way.

    Example:
        >>> settings = UpdateSettings.model_construct(centre=False, clamp=5.0)
        >>> pixel_costs(np.array([0.0, -9.0]), np.array([-2.0, -1.0]), settings)
        array([ 2., -5.])
    """
    difference = background - label
    if settings.centre:
        difference = difference - difference.mean()
    return np.clip(difference, -settings.clamp, settings.clamp) if settings.clamp > 0 else difference


def expectation(
    candidates: Candidates, costs: NDArray[np.floating], settings: ExpectationSettings
) -> NDArray[np.float32]:
    """Average each box's candidates: the share of them that holds each superpixel, B×R in [0, 1].

    Candidate S has the weight exp(-cost(S) / `temperature`), normalised over the image's N candidates; at temperature 0
    only the cheapest counts.

    Example:
        >>> halves, box = np.array([[0, 0, 1, 1], [1, 0, 2, 1]]), np.array([[0, 0, 2, 1]])
        >>> two = Candidates(np.array([[0, 1]]), np.eye(2, dtype=np.float32), halves, box, np.array([[0.5, 0.5]]))
        >>> expectation(two, np.array([[0.2, 0.1]]), UpdateSettings.model_construct(temperature=0))
        array([[0., 1.]], dtype=float32)
    """
    if settings.temperature == 0:
        return np.asarray(candidates.members[costs.argmin(axis=1)])
    weights = np.exp((costs.min(axis=1, keepdims=True) - costs) / settings.temperature)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights.astype(np.float32) @ candidates.members)
