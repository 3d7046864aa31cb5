"""What is in somebody's own data: every image and annotation looked at once, nothing kept but what decisions need."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.records import (
    Box,
    Check,
    Problem,
    Record,
)
from boxsup.evaluation.measured import Basis
from boxsup.image import VOID
from boxsup.image.files import (
    FORMATS,
    has_16_bits,
    read_image,
    read_mask,
)

ORIENTATION, TURNED = 0x0112, range(2, 9)  # the tag of EXIF, and its values that turn or mirror; others mean nothing

DARK = 64  # of 256: a value of 14 bits in 16, seen by its high byte


@dataclass(frozen=True)
class SurveyedImage:
    """An image, looked at.

    Attributes:
        record: What its check gave, without the pixels of drawn masks.
        pixels: How many pixels of its true mask have each value; empty without one.
        rectangles: Whether that mask is no more than its boxes, filled.
        upright: Whether it is shown as it is stored.
        dark: Whether it has 16 bits a value and little in those that are seen; see `is_dark`.
    """

    record: Record
    pixels: Mapping[int, int] = field(default_factory=dict)
    rectangles: bool = False
    upright: bool = True
    dark: bool = False

    @property
    def labels(self) -> frozenset[int]:
        """The classes of its true mask, void and background left out."""
        return frozenset(self.pixels) - {0, VOID}

    @property
    def objects(self) -> list[Box]:
        """Its boxes without those of crowds: what can be learned, and what scores are of."""
        return [box for box in self.record.boxes if not box.crowd]


@dataclass(frozen=True)
class Survey:
    """All images that can be used, and what is wrong with the others.

    Attributes:
        images: In order.
        problems: All that is wrong, one line each.
        classes: Names by the labels of the images' boxes and masks.
        unknown: How many images in the folder the annotations say nothing of.
        passed: Names of files in the folder that are no images by their endings.
    """

    images: list[SurveyedImage]
    problems: list[Problem]
    classes: tuple[str, ...]
    unknown: int = 0
    passed: Sequence[str] = ()

    @property
    def boxes(self) -> Counter[str]:
        """Class -> how many boxes it has."""
        return self.boxes_of({seen.record.image for seen in self.images})

    def boxes_of(self, images: Collection[str]) -> Counter[str]:
        """Class -> how many boxes it has in some images."""
        records = [seen.record for seen in self.images if seen.record.image in images]
        return Counter(self.classes[box.class_id] for record in records for box in record.boxes)

    @property
    def crowds(self) -> int:
        """How many of the boxes are of crowds."""
        return sum(box.crowd for seen in self.images for box in seen.record.boxes)

    @property
    def background(self) -> int:
        """How many images have no box."""
        return sum(not seen.record.boxes for seen in self.images)

    @property
    def objects(self) -> dict[str, frozenset[int]]:
        """Image id -> the classes of its boxes, crowds left out."""
        return {seen.record.image: frozenset(box.class_id for box in seen.objects) for seen in self.images}

    @property
    def learned(self) -> frozenset[int]:
        """The classes that boxes teach."""
        return frozenset().union(*self.objects.values())

    @property
    def masked(self) -> dict[str, frozenset[int]]:
        """Id of each image with a true mask -> the classes in that which boxes teach; none of an image without objects.

        An image whose mask shows none of its objects is none of them.
        """
        learned = self.learned
        return {
            seen.record.image: seen.labels & learned
            for seen in self.images
            if seen.pixels and (seen.labels & learned or not seen.objects)
        }

    @property
    def evidence(self) -> set[str]:
        """Ids of the images whose true mask can be measured with: it shows a class that boxes teach."""
        return {image for image, labels in self.masked.items() if labels}

    @property
    def blank(self) -> list[SurveyedImage]:
        """The images with objects whose true mask shows no class at all."""
        return [seen for seen in self.images if seen.pixels and not seen.labels and seen.objects]

    def basis(self, images: Collection[str], classes: tuple[str, ...]) -> Basis:
        """What scores of some images would be over, with these of the classes, the background first."""
        chosen = [seen for seen in self.images if seen.record.image in images and seen.pixels]
        pixels = np.zeros(VOID + 1, np.int64)
        for seen in chosen:
            pixels[list(seen.pixels)] += list(seen.pixels.values())
        counts = pixels[[self.classes.index(name) for name in classes]]
        return Basis(classes, counts, len(chosen), sum(len(seen.objects) for seen in chosen))

    @property
    def read_otherwise(self) -> list[Problem]:
        """What was read otherwise than it stands in the annotations, or was not read, of images that can be used."""
        return [note for seen in self.images for note in seen.record.notes]

    @property
    def side(self) -> float:
        """The median of the images' longer sides in pixels."""
        return float(np.median([max(seen.record.height, seen.record.width) for seen in self.images]))

    @property
    def turned(self) -> int:
        """How many images are shown otherwise than they are stored."""
        return sum(not seen.upright for seen in self.images)

    @property
    def dark(self) -> list[str]:
        """Ids of the images of 16 bits that are seen nearly black."""
        return [seen.record.image for seen in self.images if seen.dark]

    @property
    def thin(self) -> list[str]:
        """The image of each box that is one pixel wide or high: a click makes such."""
        return [
            seen.record.image
            for seen in self.images
            for box in seen.record.boxes
            if min(box.x1 - box.x0, box.y1 - box.y0) == 1
        ]

    @property
    def doubled(self) -> list[str]:
        """The image of each box that stands in it once more, class and corners."""
        return [
            seen.record.image
            for seen in self.images
            for box, count in Counter(box[:5] for box in seen.record.boxes).items()
            for _ in range(count - 1)
        ]

    @property
    def odd_masks(self) -> list[str]:
        """Ids of the images whose true mask shows a class that none of their boxes is of."""
        return [
            seen.record.image for seen in self.images if not seen.labels <= {box.class_id for box in seen.record.boxes}
        ]

    @property
    def rectangles(self) -> bool:
        """Whether the true masks are the boxes, filled: tools write boxes as polygons of four corners."""
        shown = [seen for seen in self.images if seen.labels]
        return bool(shown) and all(seen.rectangles for seen in shown)

    def without_masks(self) -> Survey:
        """The same where true masks are not looked at."""
        return replace(self, images=[replace(seen, pixels={}) for seen in self.images])


def survey_calls(checks: Sequence[Check]) -> list[Callable[[], SurveyedImage]]:
    """Calls that check and look, for `boxsup.catalogue.check.run_checks`; they can be sent to another process."""
    return [partial(survey_image, check) for check in checks]


def survey_image(check: Check) -> SurveyedImage:
    """Check an image and look at its mask."""
    record = check()
    if record.problems:
        return SurveyedImage(replace(record, drawn={}))
    drawn = record.drawn.get("mask")
    upright, dark = is_upright(Path(record.path)), is_dark(Path(record.path))
    if drawn is None and not record.mask:
        return SurveyedImage(record, upright=upright, dark=dark)
    mask = np.asarray(Image.open(io.BytesIO(drawn))) if drawn is not None else read_mask(record.mask)
    counts = np.bincount(mask.ravel(), minlength=VOID + 1)
    pixels = {int(label): int(counts[label]) for label in np.flatnonzero(counts)}
    return SurveyedImage(replace(record, drawn={}), pixels, is_boxes(mask, record.boxes), upright, dark)


def is_boxes(mask: NDArray[np.uint8], boxes: Sequence[Box]) -> bool:
    """Whether the foreground of an H×W mask is the boxes, filled; void, and with it crowds, are left out."""
    filled = np.zeros(mask.shape, bool)
    for box in boxes:
        filled[box.y0 : box.y1, box.x0 : box.x1] |= not box.crowd
    known = mask != VOID
    return np.array_equal(filled[known], mask[known] > 0)


def is_upright(path: Path) -> bool:
    """Whether an image that can be read is shown as it is stored: cameras store others with an EXIF orientation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=FORMATS) as image:
                return image.getexif().get(ORIENTATION) not in TURNED
        except Exception:  # of damaged EXIF, whatever its reader stumbles over: the pixels themselves can be read
            return True


def is_dark(path: Path) -> bool:
    """Whether an image has 16 bits a value of which the upper two are empty, as of a camera of 10, 12 or 14 bits."""
    return has_16_bits(path) and int(read_image(path).max()) < DARK
