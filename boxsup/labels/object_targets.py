"""What an object network learns from: the crop of each box, and which of its pixels are the object, as far as known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from boxsup.config.update import ExpectationSettings
from boxsup.image.boxes import Corners, box_blocks
from boxsup.labels.candidates import Candidates
from boxsup.labels.costs import expectation, object_costs, overlap_costs
from boxsup.labels.true_objects import true_pixels
from boxsup.objects.codes import OBJECT, UNKNOWN
from boxsup.objects.crops import box_map, crop_side, margin_of
from boxsup.proposals.pool import Pool


def expected_shares(
    pool: Pool,
    corners: NDArray[np.int64],
    iou: NDArray[np.float32],
    settings: ExpectationSettings,
    maps: NDArray[np.uint8] | None = None,
) -> list[NDArray[np.float32] | None]:
    """Say of each box of an image which pixels its candidates expect to be the object.

    Args:
        pool: The N candidates of the image.
        corners: B×4 half-open pixel corners of the boxes.
        iou: B×N IoU of the boxes with the candidates' tight boxes.
        settings: Settings of the update; costs are E_o + μ E_b.
        maps: B×s×s object maps of the boxes from the round before, or None: E_b is 0.

    Returns:
        For each box h×w shares in [0, 1], the expectation of its candidates on its pixels
        (`boxsup.labels.costs.expectation`); None for a box that no candidate fits.
    """
    if not len(pool):
        return [None] * len(corners)
    members = pool.matrix().astype(np.float32)
    shares: list[NDArray[np.float32] | None] = []
    for block in box_blocks(len(corners)):
        candidates = Candidates(pool.superpixels, members, pool.boxes, corners[block], iou[block])
        costs = overlap_costs(candidates, settings)
        if maps is not None:
            costs = costs + settings.mu * object_costs(candidates, maps[block])
        expected = expectation(candidates, costs, settings)
        for row, window in enumerate(candidates.windows()):
            fits = candidates.iou[row].max() >= settings.fallback_iou
            shares.append(expected[row][pool.superpixels[window]] if fits else None)
    return shares


def soft_target(shares: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
    """Make the target of a crop from h×w shares in [0, 1]; nothing in the margin is the object.

    Returns:
        S×S codes: 0…OBJECT, a share times OBJECT.
    """
    return _with_margin(np.rint(box_map(shares, size) * OBJECT).astype(np.uint8), size)


def true_target(
    labels: NDArray[np.uint8],
    boxes: NDArray[np.int64],
    class_ids: Sequence[int] | NDArray[np.int64],
    row: int,
    size: int,
) -> NDArray[np.uint8]:
    """Make the target of a crop from the true label map of its image, cut at the box.

    A label map does not tell two objects of one class apart. So where another box of the class overlaps, a pixel of the
    class is unknown, and so is a void one.

    Args:
        labels: H×W true labels.
        boxes: B×4 half-open pixel corners of all boxes of the image.
        class_ids: B classes of the boxes.
        row: Which of the boxes the target is for.
        size: Side of the box in the crop, px.

    Returns:
        S×S codes: 0…OBJECT, and UNKNOWN.
    """
    held, known = true_pixels(labels, boxes, class_ids, row)
    target = np.rint(box_map(held.astype(np.float32), size) * OBJECT).astype(np.uint8)
    target[box_map(known.astype(np.float32), size) < 0.5] = UNKNOWN
    return _with_margin(target, size)


def pinned_target(pixels: NDArray[np.bool_], box: Corners, size: int) -> NDArray[np.uint8]:
    """Make the target of a crop from the true mask of its object.

    Args:
        pixels: H×W, the object.
        box: Half-open pixel corners of its box.
        size: Side of the box in the crop, px.

    Returns:
        S×S codes: 0…OBJECT.
    """
    x0, y0, x1, y1 = box
    return soft_target(pixels[y0:y1, x0:x1].astype(np.float32), size)


def _with_margin(inside: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    target, margin = np.zeros((crop_side(size), crop_side(size)), np.uint8), margin_of(size)
    target[margin : margin + size, margin : margin + size] = inside
    return target


def fold_of(images: Sequence[str], folds: int, draws: Mapping[str, float]) -> dict[str, int]:
    """Split images into parts of equal size, at random.

    Args:
        images: Ids of the images.
        folds: Number of parts.
        draws: A random number for each image.

    Returns:
        Image id -> its part, 0…folds-1.

    >>> fold_of(["a", "b", "c"], 2, {"a": 0.3, "b": 0.9, "c": 0.1})
    {'c': 0, 'a': 1, 'b': 0}
    """
    return {image: rank % folds for rank, image in enumerate(sorted(images, key=lambda image: (draws[image], image)))}
