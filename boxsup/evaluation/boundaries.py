"""How well the outlines of label maps fit the true ones: boundary IoU and boundary F, beside the IoU of whole regions.

IoU says little about outlines, the less the larger the objects. Two measures look at outlines alone.

*Boundary IoU* (Cheng et al., CVPR 2021, and their code): of each mask only the pixels within a width of its own outline
are kept, 2 % of the image's diagonal, and the IoU is that of what is left. Distances are chessboard distances, and the
border of the image counts as an outline, as in their code.

*Boundary F* (Martin et al., PAMI 2004; Perazzi et al., CVPR 2016, and DAVIS's code): the harmonic mean of precision,
the share of the found outline's pixels that lie within 2 px of the true outline, and recall, the same share of the true
outline. Distances are Euclidean. A pixel is on an outline if it is in the mask and its right, lower or lower right
neighbour is not, or the other way round; so the border of the image is no outline. As in DAVIS, pixels of one outline
may share a partner in the other; the assignment of one to one of Martin's benchmark is not computed.

Label maps are measured class by class, without the background, whose outlines are those of the objects. Pixels are
counted over all images before any ratio is taken, as for the IoU of the VOC protocol (`boxsup.evaluation.confusion`)
and for the F of BSDS500 at a fixed scale; an outline is that of all objects of a class in an image.

Void: where the truth does not say what a pixel is, and a pixel of the class is within RING px, it takes for this class
the label that was found there. So an outline that ends anywhere in VOC's ring of void, which is 5 px wide, is that of
the truth, and one that ends beyond the ring is as far off as it is from the ring. To take void out of both maps, as
DAVIS's code does, would cut the outline of the ring into every mask that covers it: a filled box would get an outline
that is right. To leave it in the found map alone, as the code of boundary IoU for panoptic maps does, would call
outlines in the ring wrong. All other void, such as a crowd, an ignored region or the ring of another class, is not
judged: no pixel and no outline in it counts, right or wrong.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.evaluation.measured import is_measured, measured_classes
from boxsup.image import VOID

BAND = 0.02  # of the diagonal
TOLERANCE = 2  # px
RING = 5  # px, of void around an object of VOC

# What is counted of a class, in this order: pixels near the outline in the truth, in the other map and in both;
# pixels on the outline in the truth and in the other map; how many of these are within TOLERANCE of the other outline.
COUNTS = ("true_band", "found_band", "both_bands", "true_edge", "found_edge", "true_matched", "found_matched")


def band_width(shape: tuple[int, ...], diagonal: float | None = None) -> int:
    """Return how many pixels from its outline a pixel may be for boundary IoU, at least 1.

    Args:
        shape: H, W of the image.
        diagonal: Another diagonal than the image's, px.

    >>> band_width((375, 500)), band_width((10, 10))
    (12, 1)
    """
    return max(1, round(BAND * (math.hypot(*shape) if diagonal is None else diagonal)))


def boundary_counts(
    truth: NDArray[np.uint8], found: NDArray[np.uint8], classes: int, diagonal: float | None = None
) -> NDArray[np.int64]:
    """Count what boundary IoU and boundary F are made of in one image; counts of several images add up.

    Args:
        truth: H×W uint8, 0…C-1 or 255 for void.
        found: H×W uint8, 0…C-1 or 255 for no class.
        classes: C, background included.
        diagonal: What BAND is a share of, in pixels; None for the image's diagonal.

    Returns:
        C×7 int64, see COUNTS; zeros for the background.

    Example:
        >>> truth = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]], np.uint8)
        >>> boundary_counts(truth, truth, 2)[1]
        array([4, 4, 4, 8, 8, 8, 8])
    """
    width = band_width(truth.shape, diagonal)
    void = truth == VOID
    maps = np.where(void, found, truth), found
    (true_near, in_truth), (found_near, in_found) = (_near_outline(each, width) for each in maps)
    counts = np.zeros((classes, len(COUNTS)), np.int64)
    for label in (np.flatnonzero((in_truth | in_found)[1:classes]) + 1).tolist():
        true, other = ((each == label).view(np.uint8) for each in maps)
        window = _window(true | other)
        true, other, judged = true[window], other[window], _judged(truth[window] == label, void[window])
        bands = true & true_near[window] & judged, other & found_near[window] & judged
        counts[label] = [*_sizes(*bands, bands[0] & bands[1]), *_edge_counts(true, other, judged)]
    return counts


def boundary_iou(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute boundary IoU from C×7 counts: C float64 in [0, 1]; NaN for a class that is in neither map.

    >>> boundary_iou(np.array([[3, 2, 1, 0, 0, 0, 0]]))
    array([0.25])
    """
    true, found, both = counts[:, :3].T
    return _ratio(both, true + found - both)


def boundary_f(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute boundary F from C×7 counts: C float64 in [0, 1]; NaN for a class without an outline in either map.

    >>> boundary_f(np.array([[0, 0, 0, 4, 2, 2, 2], [0, 0, 0, 4, 0, 0, 0]]))
    array([0.66666667, 0.        ])
    """
    true, found, true_matched, found_matched = counts[:, 3:].T
    precision, recall = _ratio(found_matched, found, 0.0), _ratio(true_matched, true, 0.0)
    f = _ratio(2 * precision * recall, precision + recall, 0.0)
    return np.where(true + found > 0, f, np.nan)


def measured_boundaries(counts: NDArray[np.int64], pixels: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Return the scores of the classes that are measured, and their means.

    Args:
        counts: C×7, the sum of `boundary_counts` over all images.
        pixels: C, the pixels of each class in the true masks; see `boxsup.evaluation.measured`.

    Returns:
        `boundary_iou` and `boundary_f`: C + 1 float64 in [0, 1], the mean over the classes without the background the
        last; NaN for the background and for classes that are not measured, and for all if nothing is.
    """
    kept = measured_classes(pixels) & is_measured(pixels)
    scores = {"boundary_iou": boundary_iou(counts), "boundary_f": boundary_f(counts)}
    return {name: _with_mean(np.where(kept, values, np.nan)) for name, values in scores.items()}


def _near_outline(labels: NDArray[np.uint8], width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """1 where a pixel is so near, px, to another label or to the outside of the image; and which labels there are."""
    padded = cv2.copyMakeBorder(labels, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=VOID)
    square = np.ones((3, 3), np.uint8)
    beside = cv2.dilate(padded, square) != cv2.erode(padded, square)
    present = np.zeros(VOID + 1, np.bool_)
    present[padded[beside]] = True  # each label has a pixel beside another one, or beside the outside
    # The nearest pixel of the same label that touches another is one step nearer than the other label beyond it.
    reach = np.ones((2 * width - 1, 2 * width - 1), np.uint8)
    return np.asarray(cv2.dilate(beside.view(np.uint8), reach)[1:-1, 1:-1]), present


def _window(mask: NDArray[np.uint8]) -> tuple[slice, slice]:
    """The window that holds a mask, with a margin of a pixel."""
    x, y, width, height = cv2.boundingRect(mask)
    return slice(max(0, y - 1), y + height + 1), slice(max(0, x - 1), x + width + 1)


def _judged(thing: NDArray[np.bool_], void: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """1 where a pixel is judged for a class: where there is no void, and in the void around the class's true pixels."""
    if not void.any():
        return np.ones(void.shape, np.uint8)
    square = np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)
    return np.asarray(cv2.dilate(thing.view(np.uint8), square), np.uint8) | (~void).view(np.uint8)


def _edge_counts(true: NDArray[np.uint8], found: NDArray[np.uint8], judged: NDArray[np.uint8]) -> list[int]:
    """The pixels on both outlines, and those of them that are near the other."""
    side = np.arange(-TOLERANCE, TOLERANCE + 1)
    disc = (side[:, None] ** 2 + side**2 <= TOLERANCE**2).astype(np.uint8)
    # with the neighbours that make an outline
    whole = np.asarray(cv2.erode(judged, np.ones((2, 2), np.uint8), anchor=(0, 0)), np.uint8)
    edges = _outline(true) & whole, _outline(found) & whole
    true_near, found_near = (np.asarray(cv2.dilate(edge, disc), np.uint8) for edge in edges)
    return _sizes(*edges, edges[0] & found_near, edges[1] & true_near)


def _sizes(*masks: NDArray[np.uint8]) -> list[int]:
    return [int(np.count_nonzero(mask)) for mask in masks]


def _outline(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels whose right, lower or lower right neighbour is on the other side: `seg2bmap` of Martin's benchmark."""
    edge = np.zeros_like(mask)
    edge[:, :-1] = mask[:, :-1] ^ mask[:, 1:]
    edge[:-1] |= mask[:-1] ^ mask[1:]
    edge[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edge


def _ratio(above: NDArray[np.number], below: NDArray[np.number], nothing: float = np.nan) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, nothing)


def _with_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = values[~np.isnan(values)]
    return np.append(values, known.mean() if len(known) else np.nan)
