"""Which images are trained on, evaluated on, and trained on with their masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from boxsup.errors import DataError
from boxsup.random import generator

WITH_TRUTH = 0.2  # of the images with true masks are evaluated on
WITHOUT_TRUTH, MOST_WITHOUT = 0.1, 100  # of all images, where none has one: they are looked at only


@dataclass(frozen=True)
class Splits:
    """Ids of images, in their order.

    Attributes:
        train: Trained on.
        val: Evaluated on; none of `train`.
        masks: Those of `train` whose true masks are trained on.
    """

    train: list[str]
    val: list[str]
    masks: list[str]


def split(
    images: Mapping[str, Collection[int]], masked: Collection[str], with_masks: bool, chosen: Collection[str] = ()
) -> Splits:
    """The images to evaluate on, as chosen or drawn; the others are trained on.

    Args:
        images: Id -> the labels of its boxes.
        masked: Ids of the images with a true mask.
        with_masks: Whether masks are trained on, too.
        chosen: Ids of images to evaluate on; none: they are drawn, see `draw`.

    Raises:
        DataError: There are less than two images, or none is left to train on.
    """
    if len(images) < 2:
        raise DataError(f"{len(images)} usable image: two at least are needed, one to train on and one to evaluate on")
    val = set(chosen) & images.keys() if chosen else draw(images, masked, with_masks)
    train = [image for image in images if image not in val]
    if not train:
        raise DataError(f"all {len(images)} images are evaluated on: none is left to train on")
    used = [image for image in train if with_masks and image in masked]
    return Splits(train, [image for image in images if image in val], used)


def draw(images: Mapping[str, Collection[int]], masked: Collection[str], with_masks: bool) -> set[str]:
    """Ids of images to evaluate on.

    They are drawn from the images with a true mask if there are any: without one nothing can be measured. No class
    loses its last image of training. Which come first depends on the images' ids alone.

    Args:
        images: Id -> the labels of its boxes; two images at least.
        masked: Ids of the images with a true mask.
        with_masks: Whether masks are trained on, too: one then stays for that.
    """
    known = [image for image in images if image in masked]
    truth = len(known) > with_masks
    pool = known if truth else [image for image in images if not with_masks or image not in masked]
    count = round(WITH_TRUTH * len(known)) if truth else min(MOST_WITHOUT, round(WITHOUT_TRUTH * len(images)))
    drawn = sorted(pool, key=lambda image: generator(0, "own split", image).random())
    left = Counter(label for labels in images.values() for label in set(labels))
    val: set[str] = set()
    for image in drawn:
        labels = set(images[image])
        if len(val) < max(1, count) and all(left[label] > 1 for label in labels):
            val.add(image)
            left.subtract(labels)
    return val or {drawn[0]}  # where every class is in one image only
