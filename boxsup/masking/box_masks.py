"""Masks for the boxes of an image: one generation of the update, made sharper, with each mask's quality."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import corners_of
from boxsup.config.update import UpdateSettings
from boxsup.errors import ConfigError
from boxsup.image.boxes import box_iou
from boxsup.image.packed import LazySequence, packed
from boxsup.labels.choice import Choice, Chosen
from boxsup.labels.generation import LabelUpdate
from boxsup.masking.disjoint import owners
from boxsup.masking.quality import NO_CANDIDATE, CandidateMeasures, Measures, measure_mask
from boxsup.masking.refine import object_probabilities, refined
from boxsup.masking.stability import Weighed, weigh
from boxsup.objects.crops import on_box
from boxsup.objects.maps import FULL
from boxsup.objects.views import Views
from boxsup.proposals.pool import Pool

UNKNOWN = 0  # the class id of a box whose class the semantic network does not know, if there is one at all


@packed
@dataclass(frozen=True, eq=False)
class BoxMask:
    """The mask of a box.

    Attributes:
        pixels: H×W, true only in the box.
        rectangle: Whether the mask is the box's rectangle, because no candidate fits.
        measures: What the quality of the mask is judged by.
    """

    pixels: NDArray[np.bool_]
    rectangle: bool
    measures: Measures


def check_update(settings: UpdateSettings) -> None:
    """Raise a ConfigError unless the update draws nothing and uses the costs that the quality score was fitted to."""
    for key, expected in (("k", 1), ("overlap", "coverage"), ("regression", "agreement"), ("clip", True)):
        if getattr(settings, key) != expected:
            raise ConfigError(f"defaults.update.{key}: `boxsup masks` knows the quality of masks with {expected} only")
    for key in ("mu", "temperature"):
        if getattr(settings, key) == 0:
            raise ConfigError(f"defaults.update.{key}: `boxsup masks` needs a number above 0")


def masks_of_boxes(
    image: str,
    pool: Pool,
    boxes: pd.DataFrame,
    log_probabilities: NDArray[np.float32] | None,
    views: Views,
    settings: UpdateSettings,
    disjoint: bool = False,
) -> list[BoxMask | None]:
    """Let each box of an image choose its candidate, as the update does, and sharpen it.

    Args:
        image: Id of the image.
        pool: Candidates of the image.
        boxes: The image's B rows of the catalogue's table of boxes; a `label` of UNKNOWN asks no semantic network.
        log_probabilities: C×H×W natural logarithms from a semantic network; None without one.
        views: What object networks see in the B boxes.
        settings: Settings of the update; see `check_update`.
        disjoint: Whether a pixel belongs to one box only, the surest, and not to every box that holds it.

    Returns:
        B masks; None for a box that labels nothing: crowds, difficult boxes unless `difficult` is "use", and, if masks
        are disjoint, a box without a pixel of which no other box is surer.
    """
    if boxes.empty:
        return []
    known = (boxes["label"].to_numpy() != UNKNOWN) & (log_probabilities is not None)
    drafts: list[_Draft] = []
    for rows, scores in ((np.flatnonzero(known), log_probabilities), (np.flatnonzero(~known), None)):
        drafts += _drafts(image, pool, boxes, rows, scores, views, settings)
    owner = None
    if disjoint and drafts:
        corners = np.array([draft.box for draft in drafts])
        masks = LazySequence(lambda draft: draft.pixels[draft.window], drafts)
        owner = owners(*pool.superpixels.shape, corners, masks, LazySequence(lambda draft: draft.claim(), drafts))
    masked: list[BoxMask | None] = [None] * len(boxes)
    for index, draft in enumerate(drafts):
        own = None if owner is None else owner[draft.window] == index
        masked[draft.row] = draft.finished(own, log_probabilities)
    return masked


@packed
@dataclass(frozen=True, eq=False)
class _Draft:
    """The mask of a box before other boxes have taken pixels from it."""

    pixels: NDArray[np.bool_]
    row: int
    box: NDArray[np.int64]
    class_id: int
    pool: Pool
    map_: NDArray[np.uint8]
    candidate: CandidateMeasures
    chosen: int
    shares: NDArray[np.float32] | None  # None for a rectangle

    @property
    def window(self) -> tuple[slice, slice]:
        x0, y0, x1, y1 = self.box
        return np.s_[y0:y1, x0:x1]

    def claim(self) -> NDArray[np.float32]:
        """How surely each pixel of the box is the object, h×w."""
        seen = _seen(self.map_, self.box)
        if self.shares is None:
            return seen
        chosen = self.pool.mask(self.chosen)[self.window]
        return object_probabilities(chosen, self.shares[self.pool.superpixels[self.window]], seen)

    def finished(self, own: NDArray[np.bool_] | None, log_probabilities: NDArray[np.float32] | None) -> BoxMask | None:
        """The mask with its measures; None if nothing is left of it.

        Args:
            own: h×w, the pixels of the box that are its own; None for all.
            log_probabilities: C×H×W, or None.
        """
        pixels = self.pixels
        if own is not None:
            pixels[self.window] &= own
        inside = pixels[self.window]
        if not inside.any():
            return None
        asked = None
        if self.class_id != UNKNOWN and log_probabilities is not None:
            asked = log_probabilities[(slice(None), *self.window)]
        measures = measure_mask(inside, self.class_id, asked, _seen(self.map_, self.box), self.candidate)
        return BoxMask(pixels, self.shares is None, measures)


def _seen(map_: NDArray[np.uint8], box: NDArray[np.int64]) -> NDArray[np.float32]:
    """The object map on the pixels of its box, h×w in [0, 1]."""
    return on_box(map_.astype(np.float32) / FULL, box)


def _drafts(
    image: str,
    pool: Pool,
    boxes: pd.DataFrame,
    rows: NDArray[np.intp],
    log_probabilities: NDArray[np.float32] | None,
    views: Views,
    settings: UpdateSettings,
) -> list[_Draft]:
    """Draft the masks of some boxes, all with a semantic network or all without."""
    if not len(rows):
        return []
    own = boxes.iloc[rows]
    corners, class_ids = corners_of(own), own["label"].to_numpy(np.int64)
    if log_probabilities is None:
        class_ids = np.full_like(class_ids, UNKNOWN)
    scores = None if log_probabilities is None else _Scores(log_probabilities)
    maps = {image: views.maps[rows]}
    update = LabelUpdate({image: pool}, {image: box_iou(corners, pool.boxes)}, scores, settings, 0, 0, maps)
    choices = update.labels(image, *pool.superpixels.shape, own).choices
    weighing = np.flatnonzero([choice.chosen >= 0 for choice in choices])
    chosen = np.array([choices[index].chosen for index in weighing], np.int64)
    asked = None
    if log_probabilities is not None:
        asked = [log_probabilities[0], *(log_probabilities[class_ids[index]] for index in weighing)]
    weighed: dict[int, Weighed] = dict(
        zip(
            weighing.tolist(),
            weigh(pool, corners[weighing], chosen, asked, views.of(rows[weighing]), settings),
            strict=True,
        )
    )
    return [
        _draft(pool, int(rows[index]), corners[index], int(class_ids[index]), choice, views, weighed.get(index))
        for index, choice in enumerate(choices)
        if choice.chosen != Chosen.NOTHING
    ]


@dataclass(frozen=True)
class _Scores:
    """The log-probabilities of an image, as the update asks for them."""

    log_probabilities: NDArray[np.float32]

    def __call__(self, image: str, class_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.log_probabilities[class_ids]


def _draft(
    pool: Pool,
    row: int,
    box: NDArray[np.int64],
    class_id: int,
    choice: Choice,
    views: Views,
    weighed: Weighed | None,
) -> _Draft:
    x0, y0, x1, y1 = box
    window, pixels = np.s_[y0:y1, x0:x1], np.zeros(pool.superpixels.shape, np.bool_)
    if weighed is not None:
        chosen, seen = pool.mask(choice.chosen)[window], _seen(views.maps[row], box)
        mask = refined(object_probabilities(chosen, weighed.shares[pool.superpixels[window]], seen), seen)
        pixels[window] = mask if mask.any() else chosen
    if weighed is None or not pixels.any():  # a candidate may lie wholly outside the box
        pixels[window] = True
        return _Draft(pixels, row, box, class_id, pool, views.maps[row], NO_CANDIDATE, choice.chosen, None)
    measures = _of_candidate(choice, weighed.stability, asked=class_id != UNKNOWN)
    return _Draft(pixels, row, box, class_id, pool, views.maps[row], measures, choice.chosen, weighed.shares)


def _of_candidate(choice: Choice, stability: float, asked: bool) -> CandidateMeasures:
    rank = int(np.flatnonzero(choice.best == choice.chosen)[0])
    terms: Sequence[NDArray[np.floating]] = (choice.expected_iou, choice.overlap, choice.object, choice.regression)
    expected, overlap, objects, regression = (float(term[rank]) for term in terms)
    return CandidateMeasures(expected, overlap, objects, 1 - regression if asked else math.nan, stability)
