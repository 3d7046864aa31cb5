"""A folder of `boxsup masks` as what is reviewed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boxsup.again import program
from boxsup.catalogue.records import Record
from boxsup.catalogue.reviewed import REVIEWED
from boxsup.errors import DataError
from boxsup.image.boxes import shorter_side
from boxsup.masking.decided import keys_of
from boxsup.masking.made import Made, read_made
from boxsup.masking.parts import ImagePart, score_of
from boxsup.masking.quality import flags, seen_threshold
from boxsup.masking.recipe import Recipe
from boxsup.review.subject import Looked, ReviewBox, Subject

if TYPE_CHECKING:
    from boxsup.masking.masker import MaskMaker


@dataclass(frozen=True)
class LookAgain:
    """Makes the candidates of an image again, as `boxsup masks` made them.

    Attributes:
        recipe: How the masks were made.
        records: Image id -> its boxes, with the class ids of the model.
    """

    recipe: Recipe
    records: dict[str, Record]

    def __call__(self, image: str) -> Looked:
        """Make the candidates of an image."""
        masker, record = _masker(self.recipe), self.records[image]
        pool, options = masker.options(record, masker.known_pools([record]).get(image))
        return Looked.of(pool.superpixels, options)


def subject_of_masks(out: Path) -> Subject:
    """Read the folder that `boxsup masks` wrote.

    Raises:
        DataError: It is no such folder, or a part is missing, or there is no mask to review.
    """
    made = read_made(out)
    parts = list(made.read_parts())  # masks are kept packed
    boxes = _boxes(made, parts)
    if not boxes:
        raise DataError(f"{out}: has no mask to review")
    by_image = {part.record.image: part for part in parts}

    def mask(place: int) -> NDArray[np.bool_]:
        box = boxes[place]
        found = by_image[box.image].masks[box.row]
        assert found is not None
        return found.pixels

    journal = made.reviewed or out / REVIEWED
    look = LookAgain(made.recipe, {part.record.image: part.asked for part in made.parts})
    feedback = (
        "run your command `boxsup masks` again: all of its formats then have what you decided; "
        f"`{program('boxsup')} run PROJECT --reviewed {shlex.quote(str(journal))}` trains on it"
    )
    return Subject(out.absolute().name, journal, made.classes, boxes, mask, look, feedback)


def _boxes(made: Made, parts: list[ImagePart]) -> list[ReviewBox]:
    min_seen = seen_threshold([mask.measures.seen for part in parts for mask in part.masks if mask is not None])
    boxes = []
    for own, part in zip(made.parts, parts, strict=True):
        record, each = part.record, zip(part.masks, own.object_numbers(), keys_of(part, made.classes), strict=True)
        for row, (mask, number, key) in enumerate(each):
            if mask is not None:
                image = (record.image, record.path, record.height, record.width)
                about = (row, number, record.boxes[row].class_id, key)
                odd = tuple(flags(mask.measures, shorter_side(key.corners), min_seen))
                boxes.append(ReviewBox(*image, *about, score_of(mask), odd))
    return boxes


@cache  # once per process
def _masker(recipe: Recipe) -> MaskMaker:
    from boxsup.masking.masker import MaskMaker  # torch costs seconds that a look at masks need not pay

    return MaskMaker(recipe)
