"""Surveys a user's own data: looks at every image and annotation once, and keeps only what decisions need."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.check import at_working_size
from boxsup.catalogue.oddities import Checked, Oddity, lines_about, odd_pixels
from boxsup.catalogue.records import Box, Check, Problem, Record
from boxsup.config.proposals import MEGAPIXELS
from boxsup.evaluation.measured import Basis
from boxsup.image import VOID
from boxsup.image.files import read_mask

SMALL_BOX = 32  # px: in smaller boxes, few candidates fit


@dataclass(frozen=True)
class SurveyedImage:
    """What the survey keeps of an image.

    Attributes:
        record: The result of its check, without the drawn masks.
        pixels: Value in the true mask -> number of pixels; empty without a mask.
        rectangles: Whether the mask is just the filled boxes.
        odd: What is odd about its pixels.
    """

    record: Record
    pixels: Mapping[int, int] = field(default_factory=dict)
    rectangles: bool = False
    odd: tuple[Oddity, ...] = ()

    @property
    def mask_classes(self) -> frozenset[int]:
        """The class ids in the true mask, without void and background."""
        return frozenset(self.pixels) - {0, VOID}

    @property
    def objects(self) -> list[Box]:
        """The boxes that are not crowds: these can be learned and measured."""
        return [box for box in self.record.boxes if not box.crowd]


@dataclass(frozen=True)
class Survey:
    """All usable images, and what is wrong with the others.

    Attributes:
        images: The usable images, in order.
        problems: Everything that is wrong.
        classes: Class names, the background first.
        unknown: Number of images in the folder that the annotations do not mention.
        other_files: Names of files in the folder that are not images by their endings.
    """

    images: list[SurveyedImage]
    problems: list[Problem]
    classes: tuple[str, ...]
    unknown: int = 0
    other_files: Sequence[str] = ()

    @property
    def boxes(self) -> Counter[str]:
        """Class name -> number of boxes."""
        return self.boxes_of({image.record.image for image in self.images})

    def boxes_of(self, images: Collection[str]) -> Counter[str]:
        """Class name -> number of boxes in the images of these ids."""
        records = [image.record for image in self.images if image.record.image in images]
        return Counter(self.classes[box.class_id] for record in records for box in record.boxes)

    @property
    def crowds(self) -> int:
        """Number of boxes that are crowds."""
        return sum(box.crowd for image in self.images for box in image.record.boxes)

    @property
    def others(self) -> Counter[str]:
        """Class that is left out -> number of its boxes."""
        return Counter(name for image in self.images for name in image.record.others)

    @property
    def background(self) -> int:
        """Number of images without a box of any class."""
        return sum(not image.record.boxes and not image.record.others for image in self.images)

    @property
    def others_only(self) -> int:
        """Number of images that have boxes, all of them of classes that are left out."""
        return sum(not image.record.boxes and bool(image.record.others) for image in self.images)

    @property
    def objects(self) -> dict[str, frozenset[int]]:
        """Image id -> class ids of its boxes, without crowds."""
        return {image.record.image: frozenset(box.class_id for box in image.objects) for image in self.images}

    @property
    def learned(self) -> frozenset[int]:
        """The class ids that can be learned: those of all boxes that are not crowds."""
        return frozenset().union(*self.objects.values())

    @property
    def masked(self) -> dict[str, frozenset[int]]:
        """Id of each image with a true mask -> learned class ids in that mask; empty for an image without objects.

        Images with objects whose mask shows no learned class are left out.
        """
        learned = self.learned
        return {
            image.record.image: image.mask_classes & learned
            for image in self.images
            if image.pixels and (image.mask_classes & learned or not image.objects)
        }

    @property
    def evidence(self) -> set[str]:
        """Ids of the images whose true mask can be used for measuring: it shows a learned class."""
        return {image for image, class_ids in self.masked.items() if class_ids}

    @property
    def blank(self) -> list[SurveyedImage]:
        """The images with objects whose true mask shows no class at all."""
        return [image for image in self.images if image.pixels and not image.mask_classes and image.objects]

    def basis(self, images: Collection[str], classes: tuple[str, ...]) -> Basis:
        """What scores of these images would be computed over.

        Args:
            images: Image ids.
            classes: Names of the classes to measure, the background first.
        """
        chosen = [image for image in self.images if image.record.image in images and image.pixels]
        pixels = np.zeros(VOID + 1, np.int64)
        for image in chosen:
            pixels[list(image.pixels)] += list(image.pixels.values())
        counts = pixels[[self.classes.index(name) for name in classes]]
        return Basis(classes, counts, len(chosen), sum(len(image.objects) for image in chosen))

    @property
    def read_otherwise(self) -> list[Problem]:
        """The notes of usable images: what was read differently from the annotations, or was skipped."""
        return [note for image in self.images for note in image.record.notes]

    @property
    def side(self) -> float:
        """The median of the images' longer sides in pixels, as they are worked on."""
        return float(np.median([max(record.height, record.width) for record in self._working]))

    @property
    def reduced(self) -> list[Record]:
        """The records of the images that are worked on at a reduced size, reduced."""
        pairs = zip(self._working, self.images, strict=True)
        return [working for working, image in pairs if working is not image.record]

    @property
    def small_boxes(self) -> int:
        """Number of boxes of reduced images whose longer side is then below SMALL_BOX."""
        return sum(max(box.x1 - box.x0, box.y1 - box.y0) < SMALL_BOX for record in self.reduced for box in record.boxes)

    @cached_property
    def _working(self) -> list[Record]:
        return [at_working_size(image.record, MEGAPIXELS) for image in self.images]

    @property
    def odd(self) -> list[str]:
        """Lines about odd images and boxes."""
        return lines_about(Checked(image.record, image.odd) for image in self.images)

    @property
    def odd_masks(self) -> list[str]:
        """Ids of the images whose true mask shows a class that none of their boxes has."""
        return [
            image.record.image
            for image in self.images
            if not image.mask_classes <= {box.class_id for box in image.record.boxes}
        ]

    @property
    def rectangles(self) -> bool:
        """Whether the true masks are just the filled boxes: some tools write boxes as polygons of four corners."""
        shown = [image for image in self.images if image.mask_classes]
        return bool(shown) and all(image.rectangles for image in shown)

    def without_masks(self) -> Survey:
        """A copy without true masks."""
        return replace(self, images=[replace(image, pixels={}) for image in self.images])


def survey_calls(checks: Sequence[Check]) -> list[Callable[[], SurveyedImage]]:
    """One picklable call of `survey_image` per check, for `boxsup.catalogue.check.run_checks`."""
    return [partial(survey_image, check) for check in checks]


def survey_image(check: Check) -> SurveyedImage:
    """Check an image and survey its mask and its pixels."""
    record = check()
    if record.problems:
        return SurveyedImage(replace(record, drawn={}))
    drawn = record.drawn.get("mask")
    odd = odd_pixels(Path(record.path))
    if drawn is None and not record.mask:
        return SurveyedImage(record, odd=odd)
    mask = np.asarray(Image.open(io.BytesIO(drawn))) if drawn is not None else read_mask(record.mask)
    counts = np.bincount(mask.ravel(), minlength=VOID + 1)
    pixels = {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
    return SurveyedImage(replace(record, drawn={}), pixels, is_boxes(mask, record.boxes), odd)


def is_boxes(mask: NDArray[np.uint8], boxes: Sequence[Box]) -> bool:
    """Whether the foreground of an H×W mask is just the filled boxes. Void pixels, and with them crowds, are ignored.

    >>> is_boxes(np.array([[0, 3, 3, 255]], np.uint8), [Box(3, 1, 0, 3, 1)])
    True
    """
    filled = np.zeros(mask.shape, bool)
    for box in boxes:
        filled[box.y0 : box.y1, box.x0 : box.x1] |= not box.crowd
    known = mask != VOID
    return np.array_equal(filled[known], mask[known] > 0)
