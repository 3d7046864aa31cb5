"""The label update: which candidate each box activates (section 4.3 of the paper), exact on superpixels.

For a box B with label l, a candidate S out of the image's N, and the network's log-probabilities X:

    cost(S) = E_o(S) + λ E_r(S)
    E_o(S) = 1 - IoU(B, tight box of S)                                                      (Eq. 2)
    E_r(S) = Σ_p e(X(p), l_S(p)),  l_S = l inside S, background outside; e: cross-entropy    (Eq. 3)

With d(p) = log p_background(p) - log p_l(p) the second sum is E_r(S) = K + Σ_{p∈S} d(p), where K = -Σ_p log
p_background(p) belongs to the image and not to S. Σ_{p∈S} d(p) is a sum over the superpixels of S, so that the costs of
all candidates of all boxes are one product of the candidate × superpixel matrix with the superpixels' sums of d: no
dense mask is ever made.

The paper leaves the scaling of the two terms open; `UpdateSettings` names each choice and `docs/paper.md` gives the
reasons. Costs are minimised throughout ("the largest costs" in the paper's text means the best ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.settings import UpdateSettings
from boxsup.store.labels import VOID

RECTANGLE = -1  # in place of a candidate's index: the box's rectangle was used
NOTHING = -2  # the box supervised nothing


@dataclass(frozen=True)
class Choice:
    """What one box activates.

    Attributes:
        chosen: Index of the candidate, or RECTANGLE, or NOTHING.
        best: The k candidates of least cost, best first; empty where none was weighed.
        overlap: E_o of each of `best`.
        regression: E_r of each of `best`; zeros where the network was not asked.
    """

    chosen: int
    best: NDArray[np.int64]
    overlap: NDArray[np.float64]
    regression: NDArray[np.float64]

    @classmethod
    def without_candidate(cls, chosen: int) -> Choice:
        """The choice of RECTANGLE or of NOTHING."""
        return cls(chosen, np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


def overlap_costs(iou: NDArray[np.floating], settings: UpdateSettings) -> NDArray[np.float64]:
    """E_o of each candidate (Eq. 2).

    Args:
        iou: B×N, of each box with each candidate's tight box.
        settings: `overlap_norm`: "none" for 1 - IoU, "candidates" for (1 - IoU) / N as the paper prints it.

    Returns:
        B×N in [0, 1].
    """
    cost = 1.0 - np.asarray(iou, np.float64)
    return cost / iou.shape[1] if settings.overlap_norm == "candidates" else cost


def regression_costs(
    log_probabilities: NDArray[np.floating],
    superpixels: NDArray[np.integer],
    members: NDArray[np.bool_],
    boxes: NDArray[np.integer],
    settings: UpdateSettings,
) -> NDArray[np.float64]:
    """E_r of each candidate for each box (Eq. 3), through sums over superpixels.

    Args:
        log_probabilities: (1 + B)×H×W natural logarithms: of the background, then of each box's label.
        superpixels: H×W, ids 0…R-1.
        members: N×R, which superpixels each candidate is made of.
        boxes: B×4 half-open pixel corners.
        settings: `region` (the pixels p of the sum: the whole image as in Eq. 3, or the box), `norm` (what the sum is
            divided by: nothing as in Eq. 3, the image's or the box's number of pixels), `centre` and `clamp` (see
            `pixel_costs`).

    Returns:
        B×N costs in nats (a pixel, where normalised). With `centre` the part that is the same for all candidates is
        left out.
    """
    sums = np.empty((members.shape[1], len(boxes)))
    constants = np.zeros(len(boxes))
    pixels = np.empty(len(boxes))
    for column, (x0, y0, x1, y1) in enumerate(boxes):
        inside = (slice(y0, y1), slice(x0, x1)) if settings.region == "box" else (slice(None), slice(None))
        background = np.asarray(log_probabilities[0][inside], np.float64)
        costs = pixel_costs(background, np.asarray(log_probabilities[1 + column][inside], np.float64), settings)
        sums[:, column] = np.bincount(superpixels[inside].ravel(), costs.ravel(), minlength=members.shape[1])
        if not settings.centre:
            constants[column] = -background.sum()
        box_pixels = (x1 - x0) * (y1 - y0)
        pixels[column] = {"none": 1, "image": superpixels.size, "box": box_pixels}[settings.norm]
    regression: NDArray[np.float64] = (members.astype(np.float64) @ sums + constants).T / pixels[:, None]
    return regression


def pixel_costs(
    background: NDArray[np.float64], label: NDArray[np.float64], settings: UpdateSettings
) -> NDArray[np.float64]:
    """What it costs to count a pixel as the label and not as background: d(p) = log p_background - log p_label.

    With `centre`, d less its mean over these pixels. A young network is sure of the background and of nothing else:
    d is then positive all over an object, the smallest candidate is the cheapest, and the next network sees smaller
    objects still. The centred cost asks *where* the network sees the object most, not how sure of it it is. With
    `clamp` > 0 a pixel counts that many nats at most, either way.
    """
    difference = background - label
    if settings.centre:
        difference = difference - difference.mean()
    return np.clip(difference, -settings.clamp, settings.clamp) if settings.clamp > 0 else difference


def choose(
    iou: NDArray[np.floating],
    regression: NDArray[np.float64] | None,
    settings: UpdateSettings,
    generators: Sequence[np.random.Generator],
) -> list[Choice]:
    """Each box's candidate: a uniform draw from the k of least E_o + λ E_r (section 4.3).

    Args:
        iou: B×N, of each box with each candidate's tight box.
        regression: B×N from `regression_costs`, or None to go by overlap alone.
        settings: `k`, `lambda_`, `overlap_norm`, `fallback_iou` (where no candidate reaches it, the box's rectangle).
        generators: One a box, so that no box's draw depends on another's.

    Returns:
        B choices. Equal costs are ranked by the candidates' order in the pool.
    """
    overlap = overlap_costs(iou, settings)
    weighed = np.zeros_like(overlap) if regression is None else regression
    total = overlap + settings.lambda_ * weighed
    choices = []
    for row, random in enumerate(generators):
        if iou.shape[1] == 0 or iou[row].max() < settings.fallback_iou:
            choices.append(Choice.without_candidate(RECTANGLE))
            continue
        best = np.argsort(total[row], kind="stable")[: settings.k]
        chosen = int(best[random.integers(len(best))])
        choices.append(Choice(chosen, best, overlap[row, best], weighed[row, best]))
    return choices


def paint(
    height: int,
    width: int,
    boxes: NDArray[np.integer],
    labels: NDArray[np.integer],
    masks: Sequence[NDArray[np.bool_] | None],
    clip: bool,
) -> NDArray[np.uint8]:
    """A label map of the boxes' segments over background.

    Where segments overlap, the one of the smaller box wins, as the nearer object is more often the smaller (WSSL's rule
    for rectangles); of equal ones, the later. Void never covers a label.

    Args:
        height: Of the image, in pixels.
        width: The same.
        boxes: B×4 half-open pixel corners.
        labels: B, 1…C-1 or 255.
        masks: B, each H×W, or None for the box's rectangle.
        clip: End each segment at its box.

    Returns:
        H×W uint8.
    """
    painted = np.zeros((height, width), np.uint8)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    # np.lexsort's last key is the first: void before labels, then large before small, then the order of the boxes.
    for index in np.lexsort((-areas, labels != VOID)):
        mask, label = masks[index], labels[index]
        x0, y0, x1, y1 = boxes[index]
        if mask is None:
            painted[y0:y1, x0:x1] = label
        elif clip:
            painted[y0:y1, x0:x1][mask[y0:y1, x0:x1]] = label
        else:
            painted[mask] = label
    return painted
