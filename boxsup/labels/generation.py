"""A generation: the label maps that one epoch trains on, one image at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import corners_of
from boxsup.config.update import UpdateSettings
from boxsup.image import VOID
from boxsup.image.boxes import box_blocks, on_image
from boxsup.image.packed import LazySequence, PackedMask
from boxsup.labels.candidates import Candidates, LogProbabilities, check_stores
from boxsup.labels.choice import Choice, Chosen, choose
from boxsup.labels.painting import paint
from boxsup.labels.roles import box_roles
from boxsup.labels.sharpening import sharpened
from boxsup.objects.maps import map_on_box, object_pixels
from boxsup.proposals.pool import Pool
from boxsup.random import generator


class Scores(Protocol):
    """What the update asks a network for."""

    def __call__(self, image: str, class_ids: NDArray[np.int64]) -> LogProbabilities:
        """Return the log-probabilities of some classes in an image: an array or a `Layer` for each."""


@dataclass(frozen=True)
class ChosenLabels:
    """The label map of one image and the choices of its boxes.

    Attributes:
        labels: H×W uint8.
        choices: One per box, in the order of the catalogue.
        sharpened: The pixels of each box whose segment was sharpened; None for another one, which labels what it chose.
    """

    labels: NDArray[np.uint8]
    choices: list[Choice]
    sharpened: list[PackedMask | None]


@dataclass(frozen=True)
class LabelUpdate:
    """The method's update, which makes the label maps of images that boxes supervise.

    Attributes:
        pools: Image id -> its candidates.
        overlaps: Image id -> B×N IoU of its boxes with its candidates.
        scores: The network after the previous epoch, or None: none is asked.
        settings: Settings of the update.
        seed: Seed of the experiment.
        generation: Number of the generation, from 1.
        objects: Image id -> B×s×s object maps of its boxes, or None: the boxes have none.
    """

    pools: Mapping[str, Pool]
    overlaps: Mapping[str, NDArray[np.float32]]
    scores: Scores | None
    settings: UpdateSettings
    seed: int
    generation: int
    objects: Mapping[str, NDArray[np.uint8]] | None = None

    def labels(self, image: str, height: int, width: int, boxes: pd.DataFrame) -> ChosenLabels:
        """Let each box of an image choose its candidate, and paint the chosen segments."""
        if boxes.empty:
            return ChosenLabels(np.zeros((height, width), np.uint8), [], [])
        pool = self.pools[image]
        choices = self._choices(image, height, width, boxes, pool)
        corners, class_ids = corners_of(boxes), boxes["label"].to_numpy(np.int64)
        supervising, void = box_roles(boxes, self.settings.difficult)
        painted_rows = np.flatnonzero(supervising | void)
        seen = [None] * len(boxes) if self.objects is None else self.objects[image]
        sharp = [self._sharpened(*each, pool) for each in zip(choices, corners, seen, strict=True)]
        segments = [_Segment(choices[row], pool, corners[row], seen[row], sharp[row]) for row in painted_rows]
        masks = LazySequence(_Segment.mask, segments)
        painted_ids = np.where(void, VOID, class_ids)[painted_rows]
        claims = LazySequence(_Segment.claim, segments) if self.settings.overlapping == "surest" else None
        painted = paint(height, width, corners[painted_rows], painted_ids, masks, self.settings.clip, claims)
        return ChosenLabels(painted, choices, sharp)

    def _sharpened(
        self, choice: Choice, box: NDArray[np.int64], seen: NDArray[np.uint8] | None, pool: Pool
    ) -> PackedMask | None:
        if seen is None or choice.chosen < 0 or not self.settings.sharpen:
            return None
        height, width = pool.superpixels.shape
        return PackedMask.within((height, width), (int(box[1]), int(box[0])), sharpened(choice, pool, box, seen))

    def choices(self, image: str, height: int, width: int, boxes: pd.DataFrame) -> list[Choice]:
        """Let each box of an image choose its candidate; there is at least one box."""
        return self._choices(image, height, width, boxes, self.pools[image])

    def _choices(self, image: str, height: int, width: int, boxes: pd.DataFrame, pool: Pool) -> list[Choice]:
        corners = corners_of(boxes)
        overlaps, maps = self.overlaps[image], None if self.objects is None else self.objects[image]
        check_stores(image, (height, width), corners, pool, overlaps, maps)
        supervising, _ = box_roles(boxes, self.settings.difficult)
        rows = np.flatnonzero(supervising)
        class_ids, own_maps = boxes["label"].to_numpy(np.int64)[rows], None if maps is None else maps[rows]
        chosen = iter(self._choose(image, pool, rows, corners[rows], class_ids, overlaps[rows], own_maps))
        return [next(chosen) if use else Choice.without_candidate(Chosen.NOTHING) for use in supervising]

    def _choose(
        self,
        image: str,
        pool: Pool,
        rows: NDArray[np.intp],
        corners: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        iou: NDArray[np.float32],
        maps: NDArray[np.uint8] | None,
    ) -> list[Choice]:
        if not len(rows):
            return []
        scores, layers = None, np.zeros(len(rows), np.intp)
        if self.scores is not None:
            present, layer_of = np.unique(np.concatenate(([0], class_ids)), return_inverse=True)
            scores, layers = self.scores(image, present), layer_of[1:]
        members, choices = pool.matrix().astype(np.float32), list[Choice]()
        for block in box_blocks(len(rows)):
            candidates = Candidates(pool.superpixels, members, pool.boxes, corners[block], iou[block])
            # Views, not copies of scores: there are many boxes and few classes.
            asked = None if scores is None else [scores[0], *(scores[layer] for layer in layers[block])]
            draws = [generator(self.seed, "update", self.generation, image, int(row)) for row in rows[block]]
            own_maps = None if maps is None else maps[block]
            choices += choose(candidates, asked, self.settings, draws, own_maps, self.generation)
        return choices


@dataclass(frozen=True)
class _Segment:
    """What a box paints.

    Attributes:
        choice: What it chose.
        pool: The candidates of the image.
        box: Its half-open pixel corners.
        seen: s×s, its object map, if there is one.
        sharp: Its sharpened segment, if it has one.
    """

    choice: Choice
    pool: Pool
    box: NDArray[np.int64]
    seen: NDArray[np.uint8] | None
    sharp: PackedMask | None

    def mask(self) -> NDArray[np.bool_] | None:
        """Its pixels, H×W; None for its rectangle."""
        if self.sharp is not None:
            return self.sharp.pixels()
        if self.choice.chosen >= 0:
            return self.pool.mask(self.choice.chosen)
        if self.choice.chosen != Chosen.MAP or self.seen is None:
            return None
        return on_image(object_pixels(self.seen, self.box), self.box, self.pool.superpixels.shape)

    def claim(self) -> NDArray[np.float32] | None:
        """How surely each pixel of the box is its object, h×w; None if nothing tells."""
        if self.choice.claim is not None:
            x0, y0, x1, y1 = self.box
            return self.choice.claim[self.pool.superpixels[y0:y1, x0:x1]]
        if self.choice.chosen != Chosen.MAP or self.seen is None:
            return None
        return map_on_box(self.seen, self.box)
