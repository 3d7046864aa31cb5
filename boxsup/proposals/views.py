"""Candidates from views of small boxes: cut out of the image with a margin, enlarged, and joined with the image's own.

An object of twenty pixels has few superpixels in the whole image, and no candidate that fits it. In a view it has as
many as any other object. Boxes of like size that are close to each other share a view.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.config.proposals import ViewSettings
from boxsup.image.boxes import box_iou
from boxsup.image.enlarging import enlarged
from boxsup.image.scaling import sampled, working_size
from boxsup.proposals.pool import Pool, make_pool, unique_columns
from boxsup.proposals.selection import Proposer

T = TypeVar("T", bound=np.generic)

MOST = 300  # candidates of a view


@dataclass(frozen=True, eq=False)
class View:
    """A window of an image, to be scaled.

    Attributes:
        window: Half-open pixel corners x0, y0, x1, y1.
        size: Height and width that it is scaled to.
        boxes: B×4 corners of the boxes that it was made for, in pixels of the image.
    """

    window: tuple[int, int, int, int]
    size: tuple[int, int]
    boxes: NDArray[np.int64]

    def image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Cut the window out of an image and scale it."""
        cut = self.cut(image)
        method = cv2.INTER_AREA if self.size[0] < cut.shape[0] else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(cut, self.size[::-1], interpolation=method), np.uint8)

    def cut(self, pixels: NDArray[T]) -> NDArray[T]:
        """Cut the window out of pixels."""
        x0, y0, x1, y1 = self.window
        return pixels[y0:y1, x0:x1]

    def seen(self) -> NDArray[np.int64]:
        """The boxes in pixels of the view: B×4."""
        x0, y0, x1, y1 = self.window
        scale = np.array([self.size[1] / (x1 - x0), self.size[0] / (y1 - y0)] * 2)
        corners: NDArray[np.int64] = np.rint((self.boxes - [x0, y0, x0, y0]) * scale).astype(np.int64)
        corners[:, 2:] = np.maximum(corners[:, 2:], corners[:, :2] + 1)
        return corners


def views_of(
    boxes: NDArray[np.integer], height: int, width: int, megapixels: float, settings: ViewSettings
) -> list[View]:
    """Plan the views of an image.

    Args:
        boxes: B×4 half-open pixel corners.
        height: Height of the image, px.
        width: Width of the image, px.
        megapixels: What the image is reduced to for its own candidates; no view has more.
        settings: Which boxes get a view, how large, and how many views there are at most.

    Returns:
        The views, those of the smallest boxes first.
    """
    scale = working_size(height, width, megapixels)[0] / height
    corners = np.asarray(boxes, np.int64).reshape(-1, 4)
    longer = (corners[:, 2:] - corners[:, :2]).max(axis=1) if len(corners) else np.zeros(0)
    small = np.flatnonzero(longer * scale < settings.below)
    octaves = np.floor(np.log2(longer[small])).astype(np.int64)  # boxes of one view differ by a factor of 2 at most
    middles, together = corners[small].reshape(-1, 2, 2).sum(axis=1) // 2, settings.together
    groups = _groups(middles, octaves, together)
    while len(groups) > settings.most and together < max(height, width):
        together *= 2
        groups = _groups(middles, octaves, together)
    return [
        _view(
            corners[small[rows]], settings.side / 2.0 ** (octaves[rows[0]] + 0.5), (height, width), megapixels, settings
        )
        for rows in groups[: settings.most]
    ]


def _groups(middles: NDArray[np.int64], octaves: NDArray[np.int64], together: float) -> list[list[int]]:
    """Group boxes of one octave by the cells of a grid that their middles are in; small boxes come first."""
    cells = middles // np.maximum(1, together * 2.0**octaves).astype(np.int64)[:, None]
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for row, key in enumerate(zip(octaves.tolist(), *cells.T.tolist(), strict=True)):
        groups[key].append(row)
    return [rows for _, rows in sorted(groups.items())]


def _view(
    boxes: NDArray[np.int64], factor: float, size: tuple[int, int], megapixels: float, settings: ViewSettings
) -> View:
    reach = np.ceil(settings.margin * (boxes[:, 2:] - boxes[:, :2])).astype(np.int64)
    x0, y0 = np.maximum((boxes[:, :2] - reach).min(axis=0), 0)
    x1, y1 = np.minimum((boxes[:, 2:] + reach).max(axis=0), size[::-1])
    rows, columns = (max(8, round(float(side) * factor)) for side in (y1 - y0, x1 - x0))
    return View((int(x0), int(y0), int(x1), int(y1)), working_size(rows, columns, megapixels), boxes)


def with_views(
    pool: Pool,
    propose: Proposer,
    image: NDArray[np.uint8],
    image_id: str,
    boxes: NDArray[np.integer],
    megapixels: float,
    settings: ViewSettings,
) -> Pool:
    """Join the candidates of an image with those of views of its small boxes.

    A candidate of a view stays if the IoU of its tight box with one of the view's boxes is at least `settings.fit`.
    Candidates are ordered by their rank in the image or in their view.

    Args:
        pool: What the method makes of the image.
        propose: The method.
        image: H×W×3 uint8 RGB.
        image_id: Its id.
        boxes: B×4 half-open pixel corners.
        megapixels: What the method reduces images to.
        settings: See `boxsup.config.proposals.ViewSettings`.

    Returns:
        All candidates of the image, and those of the views.
    """
    height, width = pool.superpixels.shape
    views = views_of(boxes, height, width, megapixels, settings)
    partition, most = _Partition(pool), settings.candidates // max(1, len(views))
    for number, view in enumerate(views):
        found = propose(view.image(image), f"{image_id} view {number}")
        fits = np.flatnonzero(box_iou(view.seen(), found.boxes).max(axis=0) >= settings.fit)[: max(1, min(most, MOST))]
        if len(fits):
            partition.add(view, _on_window(found.superpixels, view, image), found.matrix()[fits], found.scores[fits])
    return partition.pool()


def _on_window(superpixels: NDArray[np.uint16], view: View, image: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The superpixels of a view on the pixels of its window; small ones may be lost where the window is smaller."""
    window = view.cut(image)
    height, width = window.shape[:2]
    if superpixels.shape[0] <= height and superpixels.shape[1] <= width:
        return enlarged(superpixels, np.ascontiguousarray(window, np.uint8))
    return np.asarray(sampled(superpixels, (height, width)))


class _Partition:
    """Superpixels that are cut ever finer, and the sets of them that candidates are."""

    def __init__(self, pool: Pool) -> None:
        self._own = pool
        self._labels = pool.superpixels.astype(np.int32)
        self._matrices = [pool.matrix()]
        self._parents: list[NDArray[np.int64]] = []  # of the regions that each view made, after those before it
        self._scores = [pool.scores]
        self._regions = pool.regions

    def add(
        self, view: View, superpixels: NDArray[np.integer], matrix: NDArray[np.bool_], scores: NDArray[np.float32]
    ) -> None:
        """Cut the regions in a view by the view's superpixels.

        Args:
            view: The view.
            superpixels: Those of the view on the pixels of its window.
            matrix: N×R superpixels of each of the view's candidates.
            scores: N scores.
        """
        matrix, own = unique_columns(matrix)  # superpixels that these candidates do not tell apart are one
        superpixels = own[superpixels]
        window = view.cut(self._labels)
        pairs = (window.astype(np.int64) * matrix.shape[1] + superpixels).ravel()
        starts = np.flatnonzero(np.diff(pairs, prepend=-1))  # of runs of equal pairs, which are few beside the pixels
        cut, place = np.unique(pairs[starts], return_inverse=True)
        old, piece = cut // matrix.shape[1], cut % matrix.shape[1]
        runs = np.diff(starts, append=pairs.size)
        window[:] = np.repeat((self._regions + place).astype(np.int32), runs).reshape(window.shape)
        mine = np.zeros((len(matrix), self._regions + len(cut)), np.bool_)
        mine[:, self._regions :] = matrix[:, piece]
        self._parents.append(old)
        self._matrices.append(mine)
        self._scores.append(scores)
        self._regions += len(cut)

    def pool(self) -> Pool:
        """The pool of all candidates on the finest regions; without a view the image's own."""
        if not self._parents:
            return self._own
        rows = [self._on_all_regions(number) for number in range(len(self._matrices))]
        return make_pool(self._labels, np.concatenate(rows), np.concatenate(self._scores))

    def _on_all_regions(self, number: int) -> NDArray[np.bool_]:
        """The candidates of the image (0) or of a view (1, …); a region that was cut later is as its parent was."""
        matrix = self._matrices[number]
        for parents in self._parents[number:]:
            matrix = np.concatenate([matrix, np.take(matrix, parents, axis=1)], axis=1)
        return matrix
