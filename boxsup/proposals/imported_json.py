"""JSON files of candidates as RLE masks: COCO results for all images, or one file per image as of Segment Anything."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.errors import DataError
from boxsup.image.runs import decode_runs
from boxsup.store.foreign import read_json

ADVICE = "make it, or correct the settings of the imported proposals"
SCORES = ("score", "predicted_iou")  # of COCO results; of Segment Anything
NumberedRecord = tuple[int, Any]  # the position of a record in the file, from 0, and the record
Masks = tuple[list[NDArray[np.int64]], NDArray[np.float64]]


def read_records(path: Path) -> list[NumberedRecord]:
    """Read the records of a file: a list, or the list under `annotations` (SA-1B, COCO's annotations).

    Raises:
        DataError: The file is missing, empty or no JSON, or there is no list of records.
    """
    content = read_json(path, ADVICE)
    records = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise DataError(
            f"{path}: expected a list of records with a segmentation each, or a mapping that has it as annotations"
        )
    return list(enumerate(records))


def read_masks(records: Sequence[NumberedRecord], size: tuple[int, int], path: Path) -> Masks:
    """Return the masks of an image's records and their scores: `score`, else `predicted_iou`, else by their order.

    Args:
        records: N records from `read_records`.
        size: Height and width of the image in pixels.
        path: The file of the records.

    Returns:
        N masks as runs (see `boxsup.image.runs`) and N scores, both in the order of the records.

    Raises:
        DataError: A record is damaged or belongs to another image; names it.
    """
    masks = [decode_runs(_segmentation(record), size, f"{path}: record {index}") for index, record in records]
    return masks, _scores(records, path)


def _segmentation(record: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Return a record's segmentation; a bare array stands for itself, so that the error says what it is."""
    return record if "segmentation" not in record and {"data", "shape"} <= record.keys() else record.get("segmentation")


def _scores(records: Sequence[NumberedRecord], path: Path) -> NDArray[np.float64]:
    key = next((key for key in SCORES if any(key in record for _, record in records)), None)
    if key is None:
        return -np.arange(len(records), dtype=np.float64)
    for index, record in records:
        score = record.get(key)
        if type(score) not in (int, float) or not math.isfinite(score):
            raise DataError(
                f"{path}: record {index}: {key}: expected a finite number as in other records, got {score!r}"
            )
    return np.array([record[key] for _, record in records], np.float64)


class ResultsFile:
    """COCO results: one list of records for all images, each with its `image_id`."""

    def __init__(self, path: Path, images: Path | None) -> None:
        """Read the file.

        Args:
            path: The results; the whole file is held in memory.
            images: A JSON with the number of each image: COCO's `images` (`id` and `file_name`, whose stem is our image
                id), or a mapping from our image ids. None: see `image_keys`.

        Raises:
            DataError: A file is missing or damaged, or the two have no image in common.
        """
        self.path, self._images = path, images
        self._records: dict[str, list[NumberedRecord]] = {}
        for index, record in read_records(path):
            if not isinstance(record.get("image_id"), int | str):
                raise DataError(
                    f"{path}: record {index}: expected an image_id, got {record.get('image_id')!r}; files without, one "
                    "per image, are named by a pattern such as masks/{image}.json"
                )
            self._records.setdefault(str(record["image_id"]), []).append((index, record))
        self._numbers = _read_numbers(images) if images else None
        if self._numbers is not None and self._records.keys().isdisjoint(self._numbers.values()):
            raise DataError(f"{path}: none of its image_id is among those of {images}; are they of the same data set?")
        self._taken: dict[str, str] = {}

    def records(self, image: str) -> list[NumberedRecord]:
        """Return the records of an image; there may be none only if `images` names the image.

        Raises:
            DataError: The image is not in the file, or has the number of another image.
        """
        key = self._key(image)
        if self._taken.setdefault(key, image) != image:
            raise DataError(
                f"{self.path}: image_id {key} is that of {self._taken[key]} and of {image}; let settings.images name a "
                "JSON that says which image has which id"
            )
        return self._records.get(key, [])

    def _key(self, image: str) -> str:
        if self._numbers is not None:
            if image not in self._numbers:
                raise DataError(f"{self._images}: no image {image}; add it, or take it off the split's list")
            return self._numbers[image]
        keys = image_keys(image)
        found = [key for key in keys if key in self._records]
        if not found:
            raise DataError(
                f"{self.path}: no record with image_id {' or '.join(keys)}, for image {image}; let settings.images "
                "name a JSON that says which image has which id"
            )
        return found[0]


def image_keys(image: str) -> list[str]:
    """Return the `image_id`s that an image may have in COCO results, likeliest first: its own id, or the number in it.

    The number is that of COCO's file names, else all digits of the id: the trailing digits alone would take 2007_000032
    and 2008_000032 for one image.

    Example:
        >>> image_keys("COCO_val2014_000000000042"), image_keys("2007_000032")
        (['COCO_val2014_000000000042', '42'], ['2007_000032', '2007000032'])
    """
    coco = re.fullmatch(r"COCO_.*_(\d{12})", image)
    digits = coco[1] if coco else re.sub(r"\D", "", image)
    return list(dict.fromkeys([image, str(int(digits))] if digits else [image]))


def _read_numbers(path: Path) -> dict[str, str]:
    """Read a mapping of image ids to `image_id`s."""
    content = read_json(path, ADVICE)
    pairs: list[tuple[Any, Any]]
    if isinstance(content, dict) and isinstance(content.get("images"), list):
        entries = [entry if isinstance(entry, dict) else {} for entry in content["images"]]
        pairs = [(entry.get("file_name"), entry.get("id")) for entry in entries]
        pairs = [(Path(name).stem if isinstance(name, str) else None, number) for name, number in pairs]
    else:
        pairs = list(content.items()) if isinstance(content, dict) else [(None, None)]
    for name, number in pairs:
        if not isinstance(name, str) or not isinstance(number, int | str):
            raise DataError(
                f"{path}: expected COCO's images, each with a file_name and an id, or a mapping of image ids to numbers"
            )
    if len({name for name, _ in pairs}) < len(pairs):
        raise DataError(f"{path}: two images have the same file name but for folder and ending; use a mapping of ids")
    return {name: str(number) for name, number in pairs}
