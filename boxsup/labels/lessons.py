"""Collects what an object network learns from: the crops of the boxes of a split and their targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, ImageRow, corners_of
from boxsup.config.objects import ObjectNetSettings
from boxsup.config.update import ExpectationSettings
from boxsup.labels.candidates import check_stores
from boxsup.labels.object_targets import expected_shares, pinned_target, soft_target, true_target
from boxsup.labels.pins import PinnedMask
from boxsup.labels.roles import box_roles
from boxsup.machine.bars import tqdm
from boxsup.objects.crops import crop, crop_side
from boxsup.proposals.pool import Pool
from boxsup.random import generator


@dataclass(frozen=True)
class Teacher:
    """Says what the boxes of an image teach.

    Attributes:
        pools: Image id -> its candidates.
        overlaps: Image id -> B×N IoU of its boxes with its candidates.
        truth: Image id -> its true labels.
        masked: Ids of the images whose true masks may be used.
        maps: Image id -> B×s×s object maps of its boxes from the round before; None in the first round.
        update: Settings of the update.
    """

    pools: Mapping[str, Pool]
    overlaps: Mapping[str, NDArray[np.float32]]
    truth: Mapping[str, NDArray[np.uint8]]
    masked: Collection[str]
    maps: Mapping[str, NDArray[np.uint8]] | None
    update: ExpectationSettings

    def targets(
        self, row: ImageRow, corners: NDArray[np.int64], class_ids: NDArray[np.int64], size: int
    ) -> list[NDArray[np.uint8] | None]:
        """Make the target of each box of an image; None for a box that no candidate fits.

        Args:
            row: The image in the catalogue.
            corners: B×4 half-open pixel corners of its boxes.
            class_ids: B classes of its boxes.
            size: Side of a box in its crop, px.

        Raises:
            DataError: Its candidates, their overlaps or its maps were made for other boxes or pixels.
        """
        image = row.image
        if image in self.masked:
            labels = self.truth[image]
            return [true_target(labels, corners, class_ids, number, size) for number in range(len(corners))]
        if not len(corners):
            return []
        pool, overlaps = self.pools[image], self.overlaps[image]
        maps = None if self.maps is None else self.maps[image]
        check_stores(image, (row.height, row.width), corners, pool, overlaps, maps)
        shares = expected_shares(pool, corners, overlaps, self.update, maps)
        return [None if share is None else soft_target(share, size) for share in shares]


@dataclass(frozen=True)
class Lessons:
    """What a network learns from.

    Attributes:
        crops: N×S×S×3 uint8.
        targets: N×S×S uint8 codes; see `boxsup.objects.codes`.
    """

    crops: NDArray[np.uint8]
    targets: NDArray[np.uint8]


def collect_lessons(
    split: Catalogue,
    images: Sequence[str],
    teacher: Teacher,
    settings: ObjectNetSettings,
    seed: int,
    pinned: Mapping[int, PinnedMask] | None = None,
) -> Lessons:
    """Cut out the boxes of some images, at most `max_boxes` that are drawn at random, and make their targets.

    Crowds teach nothing, nor do difficult boxes unless they are used. A box with a pinned mask teaches that mask.

    Args:
        split: The training split.
        images: Ids of the images to learn from.
        teacher: Makes the targets.
        settings: Settings of the object network.
        seed: Seed of the run.
        pinned: Row of the table of boxes -> the mask that a person chose; see `boxsup.labels.pins`.
    """
    pinned, teaching = pinned or {}, box_roles(split.boxes, teacher.update.difficult)[0]
    teaching[list(pinned)] = True
    teaching &= split.boxes["image"].isin(set(images)).to_numpy()
    rows = np.flatnonzero(teaching)
    if len(rows) > settings.max_boxes:
        rows = generator(seed, "lessons").choice(rows, settings.max_boxes, replace=False)
    chosen, side = set(rows.tolist()), crop_side(settings.size)
    crops = np.empty((len(chosen), side, side, 3), np.uint8)
    targets = np.empty((len(chosen), side, side), np.uint8)
    count, wanted = 0, set(split.boxes["image"].iloc[sorted(chosen)])
    for row in tqdm(split.subset(wanted).rows(), "lessons", len(wanted), unit="image", disable=None):
        boxes = split.boxes_of(row.image)
        corners, pixels = corners_of(boxes), row.photo()
        made = teacher.targets(row, corners, boxes["label"].to_numpy(np.int64), settings.size)
        for box, corner, target in zip(boxes.index, corners, made, strict=True):
            if box in pinned and row.image not in teacher.masked:
                corner, target = (
                    np.array(pinned[box].box),
                    pinned_target(pinned[box].pixels, pinned[box].box, settings.size),
                )
            if box in chosen and target is not None:
                crops[count], targets[count] = crop(pixels, corner, settings.size), target
                count += 1
    return Lessons(crops[:count], targets[:count])
