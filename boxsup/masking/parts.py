"""One JSON per finished image, so that `boxsup masks` can be stopped at any time and continue later."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from boxsup.catalogue.readers import voc_xml
from boxsup.catalogue.records import Box, Record
from boxsup.errors import DataError
from boxsup.image.packed import PackedMask, packed_mask
from boxsup.image.runs import packed_runs, runs_of
from boxsup.masking.box_masks import BoxMask
from boxsup.masking.quality import SEMANTIC, CandidateMeasures, Measures, quality
from boxsup.store.atomic import write_text
from boxsup.store.checksums import sha256_of
from boxsup.writers.objects import MaskedObject


@dataclass(frozen=True)
class ImagePart:
    """A finished image.

    Attributes:
        record: The image and its boxes.
        masks: One per box; None for a box without a mask; see `boxsup.masking.box_masks.masks_of_boxes`.
        number: Position of the image among all images, from 1.
        void: Indices of boxes of which a person said that nobody can tell what is in them.
        nothing: Indices of boxes of which a person said that there is nothing in them.
        renamed: Indices of boxes whose class a person corrected.
        moved: Indices of boxes whose corners a person corrected.
    """

    record: Record
    masks: list[BoxMask | None]
    number: int = 1
    void: tuple[int, ...] = ()
    nothing: tuple[int, ...] = ()
    renamed: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()

    @property
    def unknown(self) -> tuple[int, ...]:
        """Indices of boxes in which nobody can tell what the pixels are: void ones, and crowds nobody decided on."""
        pairs = enumerate(zip(self.record.boxes, self.masks, strict=True))
        crowds = {index for index, (box, mask) in pairs if box.crowd and mask is None}
        return tuple(sorted({*self.void, *crowds} - {*self.nothing}))


def part_key(settings: Mapping[str, Any], record: Record) -> str:
    """Hash everything that an image's masks depend on: the settings, the bytes of its file, its boxes."""
    facts = [dict(settings), sha256_of(Path(record.path)), [list(box) for box in record.boxes]]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def write_part(folder: Path, key: str, part: ImagePart) -> None:
    """Write an image's part; equal parts give equal bytes."""
    content = {"key": key, "masks": [_plain(mask) for mask in part.masks]}
    write_text(part_path(folder, part.record), json.dumps(content, separators=(",", ":")) + "\n")


def has_part(folder: Path, key: str, record: Record) -> bool:
    """Return whether an image is finished with this key."""
    try:
        read_part(folder, key, record)
    except DataError:
        return False
    return True


def read_part(folder: Path, key: str, record: Record) -> ImagePart:
    """Read the part of an image.

    Raises:
        DataError: It is missing, damaged, or has another key.
    """
    path = part_path(folder, record)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["key"] != key:
            raise ValueError("made with other settings, boxes or pixels")
        pairs = zip(content["masks"], record.boxes, strict=True)
        return ImagePart(record, [_mask(mask, box, record) for mask, box in pairs])
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: cannot be used ({error}); run again to make it anew") from error


def file_of(part: ImagePart, images: Path) -> str:
    """Return the path of an image's file below the folder of images."""
    return Path(os.path.relpath(part.record.path, images)).as_posix()


def object_numbers(record: Record) -> tuple[int, ...]:
    """The number of each box among the objects of its image, from 1, by which files and tables name it.

    In VOC's XML, objects that are skipped count, so that object k of the file has the number k. Elsewhere it is the
    place among the boxes of the image.
    """
    if Path(record.annotation).suffix.lower() == voc_xml.ENDING:
        return tuple(place + 1 for place, *_ in record.origins)
    return tuple(range(1, len(record.boxes) + 1))


def masked_objects(part: ImagePart) -> Iterator[tuple[int, BoxMask, MaskedObject]]:
    """Yield each masked box of an image: its index from 0, its mask, and the object to write."""
    each = zip(part.record.boxes, part.masks, object_numbers(part.record), strict=True)
    for index, (box, mask, number) in enumerate(each):
        if mask is not None:
            corners, score = (box.x0, box.y0, box.x1, box.y1), score_of(mask)
            pixels = packed_mask(mask).as_field()
            yield index, mask, MaskedObject(box.class_id, corners, pixels, score, number=number)


def score_of(mask: BoxMask) -> float:
    """The score of a mask: the IoU that it probably has with its object; 1 if a person decided on it."""
    return 1.0 if mask.reviewed else round(quality(mask.measures), 4)


def void_objects(part: ImagePart) -> Iterator[MaskedObject]:
    """Yield the boxes that are void or crowds, filled, as crowds."""
    return (void_object(part, index) for index in part.unknown)


def void_object(part: ImagePart, index: int) -> MaskedObject:
    """A box that is void, filled, as a crowd."""
    box, size = part.record.boxes[index], (part.record.height, part.record.width)
    filled = PackedMask.within(size, (box.y0, box.x0), np.ones((box.y1 - box.y0, box.x1 - box.x0), np.bool_))
    corners = (box.x0, box.y0, box.x1, box.y1)
    number = object_numbers(part.record)[index]
    return MaskedObject(box.class_id, corners, filled.as_field(), crowd=True, number=number)


def part_path(folder: Path, record: Record) -> Path:
    """Return the path of an image's part."""
    return folder / f"{record.image}.json"


def _plain(mask: BoxMask | None) -> dict[str, Any] | None:
    if mask is None:
        return None
    measures = [None if math.isnan(value) else value for value in mask.measures]
    named = dict(zip(Measures._fields, measures, strict=True))
    return {"runs": runs_of(packed_mask(mask))["counts"], "rectangle": mask.rectangle, "measures": named}


def _mask(content: dict[str, Any] | None, box: Box, record: Record) -> BoxMask | None:
    if content is None:
        return None
    size = (record.height, record.width)
    pixels = packed_runs({"size": list(size), "counts": content["runs"]}, size, "segmentation")
    if not pixels.area or pixels.inside((box.x0, box.y0, box.x1, box.y1)).sum() != pixels.area:
        raise ValueError("a mask is not in its box")
    stored: dict[str, Any] = {name: content["measures"][name] for name in Measures._fields}
    measures: dict[str, Any] = {name: math.nan if value is None else value for name, value in stored.items()}
    numbers = [value for value in stored.values() if value is not None]
    if not all(type(value) in (int, float) and math.isfinite(value) for value in numbers):
        raise ValueError("measures are not numbers")
    missing = {name for name, value in stored.items() if value is None}
    allowed = [set(), {*CandidateMeasures._fields}, {*SEMANTIC}, {*CandidateMeasures._fields, *SEMANTIC}]
    if type(stored["rival"]) is not int or missing not in allowed:
        raise ValueError("measures are missing")
    return BoxMask(pixels.as_field(), bool(content["rectangle"]), Measures(**measures))
