"""Splits images into those for training, for training with their masks, and for evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from boxsup.errors import DataError
from boxsup.random import generator

WITH_TRUTH = 0.2  # share of the images with a true mask that shows something, for evaluation
WITHOUT_TRUTH, MAX_WITHOUT = 0.1, 100  # share and limit of all images if there are no masks: only to look at


@dataclass(frozen=True)
class Splits:
    """Image ids, in their order.

    Attributes:
        train: Images to train on.
        val: Images to evaluate on, disjoint from `train`.
        masks: The images of `train` whose true masks are trained on.
    """

    train: list[str]
    val: list[str]
    masks: list[str]


def split_images(
    images: Mapping[str, Collection[int]],
    masked: Mapping[str, Collection[int]],
    with_masks: bool,
    chosen: Collection[str] = (),
) -> Splits:
    """Split images: those chosen or drawn are for evaluation, the others for training.

    >>> split_images({"a": [1], "b": [1], "c": [2]}, {"b": [1]}, with_masks=False, chosen=["b"])
    Splits(train=['a', 'c'], val=['b'], masks=[])

    Args:
        images: Image id -> class ids of its objects.
        masked: Id of each image with a true mask -> class ids in that mask; empty for an image without objects.
        with_masks: Whether masks are trained on.
        chosen: Ids of the images for evaluation; if empty, they are drawn by `draw_val`.

    Raises:
        DataError: There are fewer than two images, or no image with an object is left for training.
    """
    if len(images) < 2:
        raise DataError(f"{len(images)} usable image: two at least are needed, one to train on and one to evaluate on")
    val = set(chosen) & images.keys() if chosen else draw_val(images, masked, with_masks)
    train = [image for image in images if image not in val]
    if not train:
        raise DataError(f"all {len(images)} images are evaluated on: none is left to train on")
    if not any(images[image] for image in train):
        raise DataError(f"no image with an object is left to train on, beside the {len(val)} to evaluate on")
    used = [image for image in train if with_masks and image in masked]
    return Splits(train, [image for image in images if image in val], used)


def draw_val(
    images: Mapping[str, Collection[int]], masked: Mapping[str, Collection[int]], with_masks: bool
) -> set[str]:
    """Draw the ids of images to evaluate on.

    They are a fifth of the images whose true mask shows something, plus a fifth of the empty images with a mask: empty
    images alone measure nothing. If no mask shows anything, they are a tenth of all images, to look at. Images with
    classes that no drawn image has yet come first, and no class loses its last training image. Otherwise only the ids
    decide, so the result is the same on every machine.

    Args:
        images: Image id -> class ids of its objects; at least two images.
        masked: Id of each image with a true mask -> class ids in that mask; empty for an image without objects.
        with_masks: Whether masks are trained on; then at least one masked image stays for training.
    """
    order = sorted(images, key=lambda image: generator(0, "own split", image).random())
    shown = [image for image in order if masked.get(image)]
    free = [image for image in order if not with_masks or not masked.get(image)]
    drawing = _Drawing(images)
    if len(shown) > with_masks:
        drawing.take(shown, masked, max(1, round(WITH_TRUTH * len(shown))))
        empty = [image for image in order if image in masked and not images[image]]
        if drawing.val:
            drawing.take(empty, masked, round(WITH_TRUTH * len(empty)))
    else:
        drawing.take(free, images, max(1, min(MAX_WITHOUT, round(WITHOUT_TRUTH * len(images)))))
    if not drawing.val:  # each of those images is the last one of a class
        drawing.take(free, images, 1)
    last_resort = shown if len(shown) > with_masks else free or shown
    return drawing.val or {last_resort[0]}


class _Drawing:
    """Draws images one after the other, but never the last training image of a class."""

    def __init__(self, images: Mapping[str, Collection[int]]) -> None:
        self.val: set[str] = set()
        self._images = {image: set(class_ids) for image, class_ids in images.items()}
        self._left = Counter(class_id for class_ids in self._images.values() for class_id in class_ids)

    def take(self, order: Sequence[str], shows: Mapping[str, Collection[int]], count: int) -> None:
        """Draw at most `count` images: first those that show most classes not yet shown, then in the given order."""
        unseen = {class_id for image in order for class_id in shows[image]}
        start, rest = len(self.val), list(order)
        while len(self.val) < start + count:
            rest = [image for image in rest if self._is_spare(image) and unseen.intersection(shows[image])]
            if not rest:
                break
            best = max(rest, key=lambda image: len(unseen.intersection(shows[image])))  # the first of equals
            unseen -= set(shows[best])
            self._add(best)
        for image in order:
            if len(self.val) < start + count and self._is_spare(image):
                self._add(image)

    def _is_spare(self, image: str) -> bool:
        return image not in self.val and all(self._left[class_id] > 1 for class_id in self._images[image])

    def _add(self, image: str) -> None:
        self.val.add(image)
        self._left.subtract(self._images[image])
