"""The form of COCO's instances, as many tools write it: which keys a file must have, and one spelling of their values.

Ids may be numbers or texts, and 1, 1.0 and "1" are one id; sizes may be fractions without a part (`120.0`) or missing,
since an image's pixels say more. What a file has besides is left as it is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from boxsup.catalogue.names import class_name, printable
from boxsup.catalogue.readers.folder import GuardedPath
from boxsup.catalogue.records import check_inside
from boxsup.errors import DataError
from boxsup.store.foreign import read_json

WHERE = (
    "unpack COCO's annotations_trainval2017.zip, train2017.zip and val2017.zip (cocodataset.org) into the data set's "
    "`root`, or let it name the folder where they are; results/demo_semi/report.html needs no data"
)
EXPORT = "_annotations.coco.json"  # Roboflow's, beside the images of `train`, `valid` and `test`
MAX_DIGITS = 18  # of an id that is compared as a number
Json = dict[str, Any]
Id = int | str


def instance_files(path: Path) -> list[Path]:
    """The JSON itself, or those of an export's folders, each beside its images: none if there are none."""
    return sorted([*path.glob(EXPORT), *path.glob(f"*/{EXPORT}")]) if path.is_dir() else [path]


def read_instances(place: GuardedPath, drawn: bool) -> Json:
    """A JSON of instances, its form checked and its ids, sizes and names in one spelling.

    Args:
        place: The file.
        drawn: Whether segmentations are kept; otherwise only those of annotations without a `bbox` are.

    Raises:
        DataError: It is missing, leads out of its folder, or is no such JSON.
    """
    check_inside(place.path, place.inside)
    content: Json = read_json(place.path, WHERE, _with_arrays if drawn else _without_segmentation)
    for name, keys in FORMS.items():
        records = content.get(name) if isinstance(content, dict) else None
        if not isinstance(records, list):
            raise DataError(
                f"{place.path}: expected COCO's instances, with lists of {', '.join(FORMS)}; {name} is none"
            )
        for number, record in enumerate(records):
            _spell(record, keys, f"{place.path}: {name}[{number}]")
    if not content["images"]:
        raise DataError(f"{place.path}: lists no image")
    _check_categories(content["categories"], place.path)
    return content


def identity(value: object) -> Id | None:
    """An id as it is compared: 1, 1.0 and "1" are one; None for what is no id."""
    if isinstance(value, str):
        number = value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS and str(int(value)) == value
        return int(value) if number else value or None
    return _whole(value)


def _whole(value: object) -> int | None:
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _size(value: object) -> int | None:
    """A height or width in pixels; 0 where the file says nothing that could be one."""
    if value is None or (type(value) is float and math.isnan(value)):
        return 0
    number = _whole(value)
    return None if number is None else max(number, 0)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _name(value: object) -> str | None:
    return class_name(value) or None


# What becomes of a key's value, None where it is none, and what is expected.
Spelling = tuple[Callable[[object], Any], str]
NUMBER: Spelling = (identity, "a number or a text")
FORMS: dict[str, dict[str, Spelling]] = {
    "images": {
        "id": NUMBER,
        "file_name": (_text, "a text"),
        "height": (_size, "a whole number of pixels"),
        "width": (_size, "a whole number of pixels"),
    },
    "annotations": {"image_id": NUMBER, "category_id": NUMBER},
    "categories": {"id": NUMBER, "name": (_name, "a text")},
}


def _spell(record: Any, keys: dict[str, Spelling], where: str) -> None:  # noqa: ANN401 - JSON
    if not isinstance(record, dict):
        raise DataError(f"{where}: expected a mapping with {', '.join(keys)}, got {printable(str(record)[:60])}")
    for key, (read, expected) in keys.items():
        value = read(record.get(key))
        if value is None:
            got = repr(record[key])[:60] if key in record else "nothing: the key is missing"
            raise DataError(f"{where}: {key}: expected {expected}, got {got}")
        record[key] = value


def _check_categories(categories: list[Json], path: Path) -> None:
    names: dict[Id, set[str]] = defaultdict(set)
    for category in categories:
        names[category["id"]].add(category["name"])
    twice = next((number for number, own in names.items() if len(own) > 1), None)
    if twice is not None:
        both = " and ".join(f"'{printable(name)}'" for name in sorted(names[twice]))
        raise DataError(
            f"{path}: categories: {both} have the same id {twice}, so that nobody can tell their boxes apart"
        )


def _with_arrays(record: Json) -> Json:
    """Polygons as arrays: COCO has tens of millions of numbers, and Python's own take four times the memory."""
    polygons = record.get("segmentation")
    if isinstance(polygons, list):
        flat = bool(polygons) and _is_numbers(polygons)  # one polygon by itself, which pycocotools reads too
        parts = [polygons] if flat else polygons
        record["segmentation"] = [np.array(part, np.float64) if _is_numbers(part) else part for part in parts]
    return record


def _is_numbers(polygon: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(polygon, list) and all(type(value) in (int, float) for value in polygon)


def _without_segmentation(record: Json) -> Json:
    if record.get("bbox") is not None:
        record.pop("segmentation", None)
    return _with_arrays(record)
