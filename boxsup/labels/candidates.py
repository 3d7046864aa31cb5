"""The candidates of an image as its boxes see them, in superpixels.

Everything that the update computes is a sum over superpixels: given one value per superpixel, a single product with the
candidate × superpixel matrix yields the sums of all candidates, and no dense mask is ever made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from boxsup.errors import DataError
from boxsup.image.boxes import box_iou
from boxsup.labels.layers import Layer
from boxsup.near import counted
from boxsup.proposals.pool import Pool

# One H×W array per class, or a `Layer` that has what boxes of the class read; boxes of the same class may share it.
LogProbabilities = Sequence[NDArray[np.floating]] | Sequence[Layer] | NDArray[np.floating]
F = TypeVar("F", bound=np.floating)
CHECKED_EVERY = 8  # the overlaps of every eighth candidate are computed again, to check that they fit the boxes


@dataclass(frozen=True, eq=False)
class Candidates:
    """An image's candidates as its boxes see them.

    Attributes:
        superpixels: H×W, ids 0…R-1.
        members: N×R float32, 1 where a candidate holds a superpixel, else 0.
        tight: N×4 tight boxes of the candidates, half-open pixel corners.
        boxes: B×4 boxes that choose, half-open pixel corners.
        iou: B×N IoU of each box with each candidate's tight box.
    """

    superpixels: NDArray[np.integer]
    members: NDArray[np.float32]
    tight: NDArray[np.integer]
    boxes: NDArray[np.integer]
    iou: NDArray[np.floating]

    def windows(self) -> list[tuple[slice, slice]]:
        """Return the rows and columns of each box."""
        return [(slice(y0, y1), slice(x0, x1)) for x0, y0, x1, y1 in self.boxes]

    @cached_property
    def inside(self) -> NDArray[np.float32]:
        """B×R: how many pixels of each superpixel are in each box."""
        regions = self.members.shape[1]
        counts = [np.bincount(self.superpixels[window].ravel(), minlength=regions) for window in self.windows()]
        return np.asarray(counts, np.float32).reshape(len(self.boxes), regions)

    @cached_property
    def clipped(self) -> NDArray[np.float32]:
        """B×N: |S ∩ B|, the pixels of each candidate in each box."""
        return self.sums(self.inside)

    def sums(self, values: NDArray[F]) -> NDArray[F]:
        """Sum one value per box and superpixel (B×R) over the superpixels of each candidate: B×N."""
        return np.asarray(values @ self.members.T)

    def soft_iou(self, shares: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the IoU of each candidate, clipped to each box, with a soft mask of the box.

        Args:
            shares: B×R in [0, 1], the soft mask's value on each superpixel.

        Returns:
            B×N: Σ_{S∩B} m / (|S∩B| + Σ_B m - Σ_{S∩B} m), which is the IoU if the mask is hard; 0 if the union is empty.
        """
        mask = self.inside * shares
        intersection = self.sums(mask)
        union = self.clipped + mask.sum(axis=1, keepdims=True) - intersection
        return np.asarray(np.divide(intersection, union, out=np.zeros_like(union), where=union > 0))


def check_stores(
    image: str,
    size: tuple[int, int],
    corners: NDArray[np.int64],
    pool: Pool,
    overlaps: NDArray[np.float32],
    maps: NDArray[np.uint8] | None,
) -> None:
    """Check that what boxes choose by was made for this image and these boxes.

    Args:
        image: Its id.
        size: Its height and width.
        corners: B×4 half-open pixel corners of its boxes.
        pool: Its candidates.
        overlaps: The IoU of the boxes with the candidates, B×N.
        maps: The object maps of the boxes, B×s×s, if they have any.

    Raises:
        DataError: One of them was made for others.
    """
    if pool.superpixels.shape != size:
        got, expected = ("×".join(map(str, shape)) for shape in (pool.superpixels.shape, size))
        raise DataError(f"{image}: its proposals are for {got} pixels, and the image has {expected}; make them again")
    if overlaps.shape != (len(corners), len(pool)) or not np.array_equal(
        overlaps[:, ::CHECKED_EVERY], box_iou(corners, pool.boxes[::CHECKED_EVERY])
    ):
        raise DataError(
            f"{image}: its overlaps belong to other boxes or proposals; make them again with `boxsup overlaps`"
        )
    if maps is not None and len(maps) != len(corners):
        raise DataError(
            f"{image}: object maps are of {counted(len(maps), 'box', 'boxes')}, and it has {len(corners)}: make them "
            "again with `boxsup objects`"
        )
