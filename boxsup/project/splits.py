"""Which images are trained on, evaluated on, and trained on with their masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from boxsup.errors import DataError
from boxsup.random import generator

WITH_TRUTH = 0.2  # of the images whose true masks show something are evaluated on
WITHOUT_TRUTH, MAX_WITHOUT = 0.1, 100  # of all images, where none has one: they are looked at only


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


def split_images(
    images: Mapping[str, Collection[int]],
    masked: Mapping[str, Collection[int]],
    with_masks: bool,
    chosen: Collection[str] = (),
) -> Splits:
    """The images to evaluate on, as chosen or drawn; the others are trained on.

    Args:
        images: Id -> the labels of its objects.
        masked: Id of each image with a true mask -> the labels that are seen in that; none of an empty image.
        with_masks: Whether masks are trained on, too.
        chosen: Ids of images to evaluate on; none: they are drawn, see `draw`.

    Raises:
        DataError: There are less than two images, or none with an object is left to train on.
    """
    if len(images) < 2:
        raise DataError(f"{len(images)} usable image: two at least are needed, one to train on and one to evaluate on")
    val = set(chosen) & images.keys() if chosen else draw(images, masked, with_masks)
    train = [image for image in images if image not in val]
    if not train:
        raise DataError(f"all {len(images)} images are evaluated on: none is left to train on")
    if not any(images[image] for image in train):
        raise DataError(f"no image with an object is left to train on, beside the {len(val)} to evaluate on")
    used = [image for image in train if with_masks and image in masked]
    return Splits(train, [image for image in images if image in val], used)


def draw(images: Mapping[str, Collection[int]], masked: Mapping[str, Collection[int]], with_masks: bool) -> set[str]:
    """Ids of images to evaluate on.

    They are a fifth of the images whose true mask shows something and, beside these, a fifth of the empty ones with a
    mask: on empty images alone nothing is measured. Where no mask shows anything they are a tenth of all images, to be
    looked at. Images of classes that no other drawn one has come first, and no class loses its last image of training.
    Among equals the images' ids alone decide.

    Args:
        images: Id -> the labels of its objects; two images at least.
        masked: Id of each image with a true mask -> the labels that are seen in that; none of an empty image.
        with_masks: Whether masks are trained on, too: one then stays for that.
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
    if not drawing.val:  # each of these is the last of a class
        drawing.take(free, images, 1)
    return drawing.val or {next(iter(shown or free))}


class _Drawing:
    """Images that are drawn one after the other, none of them the last that a class has to train on."""

    def __init__(self, images: Mapping[str, Collection[int]]) -> None:
        self.val: set[str] = set()
        self._images = {image: set(labels) for image, labels in images.items()}
        self._left = Counter(label for labels in self._images.values() for label in labels)

    def take(self, order: Sequence[str], shows: Mapping[str, Collection[int]], count: int) -> None:
        """Take at most `count` images: while there are any, that which shows most classes that none so far does."""
        unseen = {label for image in order for label in shows[image]}
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
        return image not in self.val and all(self._left[label] > 1 for label in self._images[image])

    def _add(self, image: str) -> None:
        self.val.add(image)
        self._left.subtract(self._images[image])
