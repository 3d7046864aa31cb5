"""What an update reads of a network's scores: of each class, the pixels within the boxes that ask for it.

Scores of all classes at all pixels of an image are ten times as much. They would be copied from a GPU, and sent to the
process in which the boxes choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import corners_of
from boxsup.config.update import UpdateSettings
from boxsup.labels.roles import box_roles

BACKGROUND = 0


class Part(NamedTuple):
    """A part of an image's scores: one class, and half-open pixel corners."""

    class_id: int
    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def window(self) -> tuple[int, slice, slice]:
        """What takes the part out of scores, C×H×W."""
        return self.class_id, slice(self.y0, self.y1), slice(self.x0, self.x1)


@dataclass(frozen=True, eq=False)
class Layer:
    """The scores of one class within a part of an image, indexed by the rows and columns of the whole image.

    Attributes:
        pixels: h×w float32 natural-log probabilities.
        corner: The row and the column of the image at which they begin.

    Example:
        >>> Layer(np.array([[5.0, 6.0]], np.float32), (2, 3))[2:3, 4:5]
        array([[6.]], dtype=float32)
    """

    pixels: NDArray[np.float32]
    corner: tuple[int, int]

    def __getitem__(self, window: tuple[slice, slice]) -> NDArray[np.float32]:
        """Return the scores in a window of the image, which must lie in the part; a slice without bounds is all."""
        rows, columns = (
            slice(None) if side.start is None else slice(side.start - start, side.stop - start)
            for side, start in zip(window, self.corner, strict=True)
        )
        return self.pixels[rows, columns]


def parts_read(boxes: pd.DataFrame, height: int, width: int, settings: UpdateSettings) -> list[Part]:
    """Return what an update reads of the scores of an image; nothing if no box chooses.

    Args:
        boxes: The image's rows of the catalogue's table of boxes.
        height: Height of the image, px.
        width: Width of the image, px.
        settings: Settings of the update.

    Returns:
        A part for each class that boxes choose by, and one for the background; by class.
    """
    supervising, _ = box_roles(boxes, settings.difficult)
    if not supervising.any():
        return []
    corners, class_ids = corners_of(boxes)[supervising], boxes["label"].to_numpy(np.int64)[supervising]
    whole = (0, 0, width, height)
    everywhere = settings.regression == "cross_entropy" and settings.region == "image"
    background = (0, 0, 0, 0) if settings.regression == "agreement" else _hull(corners)  # agreement does not read it
    hulls = {BACKGROUND: background}
    hulls |= {class_id: _hull(corners[class_ids == class_id]) for class_id in np.unique(class_ids).tolist()}
    return [Part(class_id, *(whole if everywhere else hull)) for class_id, hull in hulls.items()]


def _hull(corners: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """The smallest box that holds all of some boxes."""
    x0, y0 = corners[:, :2].min(axis=0).tolist()
    x1, y1 = corners[:, 2:].max(axis=0).tolist()
    return x0, y0, x1, y1
