"""What is reviewed: boxes with the masks that were made for them, wherever these are stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.readers.segments import segment
from boxsup.catalogue.reviewed import BoxKey
from boxsup.image.boxes import Corners
from boxsup.image.runs import runs_of


@dataclass(frozen=True)
class ReviewBox:
    """A box that may be reviewed.

    Attributes:
        image: Id of its image.
        path: File of the image.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        row: Its place among the boxes of the image, from 0.
        number: Its number among the objects of the image, from 1, as a person finds it in tables and files.
        class_id: Its class, 1…C-1.
        key: What decisions on it are known by.
        score: The IoU that its mask probably has with the object.
        flags: What is odd about its mask; see `boxsup.masking.quality.FLAGS`.
    """

    image: str
    path: str
    height: int
    width: int
    row: int
    number: int
    class_id: int
    key: BoxKey
    score: float
    flags: tuple[str, ...] = ()

    @property
    def corners(self) -> Corners:
        """Its corners as they are annotated."""
        return self.key.corners


@dataclass(frozen=True, eq=False)
class Looked:
    """What is made of an image so that a person can correct its masks.

    Attributes:
        superpixels: H×W uint16, as in `boxsup.proposals.pool.Pool`.
        options: For each box of the image its best candidates as COCO's runs, the best first.
    """

    superpixels: NDArray[np.uint16]
    options: Sequence[Sequence[dict[str, Any]]]

    @classmethod
    def of(cls, superpixels: NDArray[np.uint16], options: Sequence[Sequence[NDArray[np.bool_]]]) -> Looked:
        """Pack the masks, which another process sends."""
        return cls(superpixels, [[runs_of(pixels) for pixels in own] for own in options])

    def masks(self, row: int) -> list[NDArray[np.bool_]]:
        """The candidates of a box, H×W each."""
        height, width = self.superpixels.shape
        return [segment(runs, height, width) for runs in self.options[row]]


Look = Callable[[str], Looked]  # image id -> what is made of it; can be pickled, since another process calls it


@dataclass(frozen=True)
class Subject:
    """What is reviewed.

    Attributes:
        name: What a person knows it by.
        journal: The file of the decisions: the one whose decisions are used already, if there is one.
        classes: Class names, the background first.
        boxes: The boxes.
        mask: Returns the mask that was made for a box, given its place among `boxes`: H×W.
        look: See `Look`.
        feedback: What to do with the decisions, for the page; commands are in backticks.
    """

    name: str
    journal: Path
    classes: tuple[str, ...]
    boxes: Sequence[ReviewBox]
    mask: Callable[[int], NDArray[np.bool_]]
    look: Look
    feedback: str
