"""Greedy non-maximum suppression of segments by their exact IoU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled
from boxsup.proposals.pool import candidate_areas


def suppress(
    matrix: NDArray[np.bool_], boxes: NDArray[np.int32], pixels: NDArray[np.int64], threshold: float, limit: int
) -> NDArray[np.int64]:
    """Go through candidates in order and keep each unless its IoU with an earlier kept one is above the threshold.

    Args:
        matrix: N×R superpixels of each candidate, best candidate first, none empty.
        boxes: N×4 tight half-open boxes of the candidates.
        pixels: R sizes of the superpixels.
        threshold: Greatest IoU, in pixels, of two kept candidates.
        limit: How many candidates are kept at most.

    Returns:
        Indices of the kept candidates, rising.

    Example:
        >>> matrix = np.array([[True, True, False], [True, True, True], [False, False, True]])
        >>> boxes = np.array([[0, 0, 2, 1], [0, 0, 3, 1], [2, 0, 3, 1]], np.int32)  # of three pixels in a row
        >>> suppress(matrix, boxes, np.array([1, 1, 1]), 0.5, 10)
        array([0, 2])
    """
    return _suppress(
        np.ascontiguousarray(matrix), boxes, pixels.astype(np.int32), candidate_areas(matrix, pixels), threshold, limit
    )


@compiled
def _suppress(
    matrix: NDArray[np.bool_],
    boxes: NDArray[np.int32],
    pixels: NDArray[np.int32],
    areas: NDArray[np.int64],
    threshold: float,
    limit: int,
) -> NDArray[np.int64]:
    kept, count = np.empty(min(limit, len(matrix)), np.int64), 0
    sizes = np.empty_like(pixels)  # of the candidate's superpixels; 0 for others
    for candidate in range(len(matrix)):
        if count == len(kept):
            break
        sizes[:] = pixels * matrix[candidate]
        free = True
        for other in kept[:count]:
            # Two bounds of the intersection first: few pairs get past them.
            both = areas[candidate] + areas[other]
            most_common = min(areas[candidate], areas[other], _box_intersection(boxes[candidate], boxes[other]))
            if most_common / (both - most_common) <= threshold:
                continue
            common = np.int32(0)
            for k in range(len(sizes)):
                common += sizes[k] if matrix[other, k] else np.int32(0)
            if common / (both - common) > threshold:
                free = False
                break
        if free:
            kept[count] = candidate
            count += 1
    return kept[:count].copy()


@compiled
def _box_intersection(a: NDArray[np.int32], b: NDArray[np.int32]) -> int:
    width: int = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height: int = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return width * height
