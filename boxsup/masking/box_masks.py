"""Masks for the boxes of an image: one generation of the update, made sharper, with each mask's quality."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import corners_of
from boxsup.config.update import UpdateSettings
from boxsup.errors import ConfigError
from boxsup.image.boxes import box_iou
from boxsup.image.packed import LazySequence, PackedMask, packed, packed_mask
from boxsup.labels.choice import Choice, Chosen
from boxsup.labels.generation import LabelUpdate
from boxsup.labels.sharpening import probabilities_of, sharpened
from boxsup.masking.disjoint import owners
from boxsup.masking.quality import NO_CANDIDATE, CandidateMeasures, Measures, crowding, measure_mask
from boxsup.objects.crops import resized
from boxsup.objects.maps import map_on_box, object_pixels
from boxsup.proposals.pool import Pool

UNKNOWN = 0  # the class id of a box whose class the semantic network does not know, if there is one at all


@packed
@dataclass(frozen=True, eq=False)
class BoxMask:
    """The mask of a box.

    Attributes:
        pixels: H×W, true only in the box.
        rectangle: Whether the mask is the box's rectangle: no candidate fits, and the object map sees nothing.
        measures: What the quality of the mask is judged by.
        choice: What the box weighed; None for a mask that was read from a part.
        reviewed: Whether a person decided on it; see `boxsup.masking.decided`.
    """

    pixels: NDArray[np.bool_]
    rectangle: bool
    measures: Measures
    choice: Choice | None = None
    reviewed: bool = False


def check_update(settings: UpdateSettings) -> None:
    """Raise a ConfigError unless the update draws nothing and uses the costs that the quality score was fitted to."""
    known = (("k", 1), ("overlap", "coverage"), ("regression", "agreement"), ("clip", True), ("sharpen", True))
    for key, expected in known:
        if getattr(settings, key) != expected:
            raise ConfigError(
                f"defaults.update.{key}: `boxsup masks` knows the quality of masks with {str(expected).lower()} only"
            )
    if settings.correction:
        raise ConfigError("defaults.update.correction: `boxsup masks` knows no generations; expected null")
    if settings.mu == 0:
        raise ConfigError("defaults.update.mu: `boxsup masks` asks an object network; expected a number above 0")


def masks_of_boxes(
    image: str,
    pool: Pool,
    boxes: pd.DataFrame,
    log_probabilities: NDArray[np.float32] | None,
    maps: NDArray[np.uint8],
    settings: UpdateSettings,
    disjoint: bool = False,
) -> list[BoxMask | None]:
    """Let each box of an image choose its candidate, as the update does, and sharpen it.

    Args:
        image: Id of the image.
        pool: Candidates of the image.
        boxes: The image's B rows of the catalogue's table of boxes; a `label` of UNKNOWN asks no semantic network.
        log_probabilities: C×h×w natural logarithms from a semantic network, which may have seen the image reduced; None
            without one.
        maps: B×s×s object maps of the boxes; see `boxsup.objects.maps`.
        settings: Settings of the update; see `check_update`.
        disjoint: Whether a pixel belongs to one box only, the surest, and not to every box whose mask holds it.

    Returns:
        B masks; None for a box that labels nothing: crowds, difficult boxes unless `difficult` is "use", and, if masks
        are disjoint, a box without a pixel of which no other box is surer.
    """
    if boxes.empty:
        return []
    network = None if log_probabilities is None else ImageScores(log_probabilities, pool.superpixels.shape)
    choices, corners = choices_of_boxes(image, pool, boxes, network, maps, settings), corners_of(boxes)
    class_ids, crowds = np.where(_asking(boxes, network), boxes["label"], UNKNOWN), crowding(corners)
    drafts = [
        _Draft.of(pool, row, corners[row], int(class_ids[row]), maps[row], choices[row])
        for row in np.argsort(class_ids == UNKNOWN, kind="stable").tolist()  # of equal claims, the last one counts
        if choices[row].chosen != Chosen.NOTHING
    ]
    owner = _owner(pool, drafts) if disjoint and drafts else None
    masks: list[BoxMask | None] = [None] * len(boxes)
    for index, draft in enumerate(drafts):
        left = None if owner is None else owner[draft.window] == index
        masks[draft.row] = draft.finished(left, network, float(crowds[draft.row]))
    return masks


def choices_of_boxes(
    image: str,
    pool: Pool,
    boxes: pd.DataFrame,
    network: ImageScores | None,
    maps: NDArray[np.uint8] | None,
    settings: UpdateSettings,
) -> list[Choice]:
    """Let each box of one image choose its candidate as the update does, outside of a run.

    Args:
        image: Id of the image.
        pool: Candidates of the image.
        boxes: The image's B rows of the catalogue's table of boxes; a `label` of UNKNOWN does not ask `network`.
        network: What the semantic network said about the image; None without one.
        maps: B×s×s object maps of the boxes; None without.
        settings: Settings of the update.

    Returns:
        B choices.
    """
    asking, choices = _asking(boxes, network), [Choice.without_candidate(Chosen.NOTHING)] * len(boxes)
    for rows, scores in ((np.flatnonzero(asking), network), (np.flatnonzero(~asking), None)):
        if len(rows):
            own, seen = boxes.iloc[rows], None if maps is None else {image: maps[rows]}
            overlaps = {image: box_iou(corners_of(own), pool.boxes)}
            update = LabelUpdate({image: pool}, overlaps, scores, settings, 0, 0, seen)
            height, width = pool.superpixels.shape
            for row, choice in zip(rows.tolist(), update.choices(image, height, width, own), strict=True):
                choices[row] = choice
    return choices


def _asking(boxes: pd.DataFrame, network: ImageScores | None) -> NDArray[np.bool_]:
    """Which boxes ask the semantic network: those whose class it knows."""
    return np.asarray(boxes["label"] != UNKNOWN) & (network is not None)


@packed
@dataclass(frozen=True, eq=False)
class _Draft:
    """The mask of a box before other boxes have taken pixels from it.

    Attributes:
        pixels: H×W, true only in the box.
        pool: The candidates of the image.
        row: The row of the box.
        box: Its half-open pixel corners.
        class_id: Its class, or UNKNOWN.
        map_: s×s, its object map.
        choice: Its choice.
        rectangle: Whether the mask is the box's rectangle.
    """

    pixels: NDArray[np.bool_]
    pool: Pool
    row: int
    box: NDArray[np.int64]
    class_id: int
    map_: NDArray[np.uint8]
    choice: Choice
    rectangle: bool = False

    @classmethod
    def of(
        cls, pool: Pool, row: int, box: NDArray[np.int64], class_id: int, map_: NDArray[np.uint8], choice: Choice
    ) -> _Draft:
        """The sharpened mask of a box's choice, or what its map sees where no candidate fits."""
        draft = cls(PackedMask(pool.superpixels.shape).as_field(), pool, row, box, class_id, map_, choice)
        inside = np.zeros((box[3] - box[1], box[2] - box[0]), np.bool_)
        if choice.chosen == Chosen.MAP:
            inside = object_pixels(map_, box)
        elif choice.shares is not None:
            inside = sharpened(choice, pool, box, map_)
        # A rectangle if no candidate fits and the map sees nothing, or if what was chosen lies wholly outside the box.
        rectangle = not inside.any()
        return replace(draft, pixels=draft.in_box(inside | rectangle).as_field(), rectangle=rectangle)

    def in_box(self, inside: NDArray[np.bool_]) -> PackedMask:
        """The mask with these pixels in the box, h×w."""
        return PackedMask.within(self.pool.superpixels.shape, (int(self.box[1]), int(self.box[0])), inside)

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of the box."""
        x0, y0, x1, y1 = self.box
        return np.s_[y0:y1, x0:x1]

    def probabilities(self) -> NDArray[np.float32]:
        """How surely each pixel of the box is the object, h×w in [0, 1]."""
        seen = map_on_box(self.map_, self.box)
        return seen if self.choice.shares is None else probabilities_of(self.choice, self.pool, self.box, seen)

    def finished(self, own: NDArray[np.bool_] | None, network: ImageScores | None, crowd: float) -> BoxMask | None:
        """The mask with its measures; None if nothing is left of it.

        Args:
            own: h×w, the pixels of the box that no other box has taken; None for all.
            network: What the semantic network said about the image, or None.
            crowd: See `boxsup.masking.quality.crowding`.
        """
        inside, asked = packed_mask(self).inside(self.box), None
        if own is not None:
            inside &= own
        if not inside.any():
            return None
        if network is not None and self.class_id != UNKNOWN:
            asked = network.on(self.box, inside)
        fits = self.choice.chosen >= 0 and not self.rectangle
        candidate = _of_candidate(self.choice, asked is not None) if fits else NO_CANDIDATE
        measures = measure_mask(inside, self.class_id, asked, candidate, crowd)
        return BoxMask(self.in_box(inside).as_field(), self.rectangle, measures, choice=self.choice)


@dataclass(frozen=True)
class ImageScores:
    """What a semantic network said about one image.

    Attributes:
        log_probabilities: C×h×w.
        size: Height and width of the image.
    """

    log_probabilities: NDArray[np.float32]
    size: tuple[int, ...]

    def __call__(self, image: str, class_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The log-probabilities of some classes at every pixel, as the update asks for them."""
        layers = self.log_probabilities[class_ids]
        return layers if layers.shape[1:] == self.size else np.stack([resized(layer, *self.size) for layer in layers])

    def on(self, box: NDArray[np.int64], inside: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The log-probabilities of all classes in a box, and the mask on their pixels; at least one pixel stays."""
        shape = self.log_probabilities.shape[1:]
        if shape == self.size:
            x0, y0, x1, y1 = box
            return self.log_probabilities[:, y0:y1, x0:x1], inside
        (top, bottom), (left, right) = (
            (int(first * new // old), int(-(-last * new // old)))
            for first, last, new, old in zip(box[1::-1], box[:1:-1], shape, self.size, strict=True)
        )
        shares = resized(inside.astype(np.float32), bottom - top, right - left)
        return self.log_probabilities[:, top:bottom, left:right], shares >= min(0.5, float(shares.max()))


def _owner(pool: Pool, drafts: list[_Draft]) -> NDArray[np.int32]:
    """H×W: the index of the draft that each pixel goes to; see `owners`."""
    height, width = pool.superpixels.shape
    masks = LazySequence(lambda draft: packed_mask(draft).inside(draft.box), drafts)
    claims = LazySequence(lambda draft: draft.probabilities(), drafts)
    return owners(height, width, np.array([draft.box for draft in drafts]), masks, claims)


def _of_candidate(choice: Choice, asked: bool) -> CandidateMeasures:
    agreement = 1 - float(choice.regression[choice.rank]) if asked else math.nan
    expected, overlap, objects = (float(of[choice.rank]) for of in (choice.expected_iou, choice.overlap, choice.object))
    return CandidateMeasures(expected, overlap, objects, agreement)
