"""Checks and normalises the JSON form of COCO's instances, which many tools write.

Ids may be numbers or texts: 1, 1.0 and "1" are one id. Sizes may be written as `120.0` or "120" or be missing, since an
image's pixels tell its size. Other keys stay as they are.
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
from boxsup.catalogue.readers.foreign_tools import tool_of_json
from boxsup.catalogue.records import check_inside
from boxsup.errors import DataError
from boxsup.store.foreign import read_json

WHERE = (
    "unpack COCO's annotations_trainval2017.zip, train2017.zip and val2017.zip (cocodataset.org) into the data set's "
    "`root`, or let it name the folder where they are; results/demo_semi/report.html needs no data"
)
EXPORT = "_annotations.coco.json"  # Roboflow's, beside the images of `train`, `valid` and `test`
MAX_DIGITS = 18  # longer ids are compared as texts
Json = dict[str, Any]
Id = int | str


def instance_files(path: Path) -> list[Path]:
    """The JSON itself; or those of an export, one in each folder of images (possibly none)."""
    return sorted([*path.glob(EXPORT), *path.glob(f"*/{EXPORT}")]) if path.is_dir() else [path]


def read_instances(file: GuardedPath, drawn: bool) -> Json:
    """Read a JSON of instances, check its form, and normalise its ids, sizes and names.

    Args:
        file: The JSON.
        drawn: Whether to keep all segmentations; otherwise only those of annotations without a `bbox`.

    Raises:
        DataError: The file is missing, a link out of its folder, or not such a JSON.
    """
    check_inside(file.path, file.inside)
    content: Json = read_json(file.path, WHERE, _with_arrays if drawn else _without_segmentation)
    for name, keys in FORMS.items():
        records = content.get(name) if isinstance(content, dict) else None
        if not isinstance(records, list):
            wanted = f"expected COCO's instances, with lists of {', '.join(FORMS)}; {name} is none"
            raise DataError(f"{file.path}: {wanted}{tool_of_json(content)}")
        for number, record in enumerate(records):
            _normalise(record, keys, f"{file.path}: {name}[{number}]")
    if not content["images"]:
        raise DataError(f"{file.path}: lists no image")
    _check_categories(content["categories"], file.path)
    return content


def identity(value: object) -> Id | None:
    """An id in the form used for comparison; None if the value cannot be an id.

    >>> identity(1), identity(1.0), identity("1"), identity("a"), identity(None)
    (1, 1, 1, 'a', None)
    """
    if isinstance(value, str):
        number = value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS and str(int(value)) == value
        return int(value) if number else value or None
    return _whole(value)


def _whole(value: object) -> int | None:
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _size(value: object) -> int | None:
    """A height or width in pixels; 0 if missing, None if it is not a whole number.

    >>> _size(640.0), _size("640"), _size(None), _size(-1), _size("640px")
    (640, 640, 0, 0, None)
    """
    if value is None or (type(value) is float and math.isnan(value)):
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS:
        return int(value)
    number = _whole(value)
    return None if number is None else max(number, 0)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _name(value: object) -> str | None:
    return class_name(value) or None


# Normalises a value (None if it is invalid), and names what is expected.
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


def _normalise(record: Any, keys: dict[str, Spelling], where: str) -> None:  # noqa: ANN401 - JSON
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
    twice = next((number for number, shared in names.items() if len(shared) > 1), None)
    if twice is not None:
        both = " and ".join(f"'{printable(name)}'" for name in sorted(names[twice]))
        raise DataError(f"{path}: categories: {both} have the same id {twice}, so nobody can tell their boxes apart")


def _with_arrays(record: Json) -> Json:
    """Convert polygons to arrays: COCO has tens of millions of numbers, which take four times the memory as floats."""
    polygons = record.get("segmentation")
    if isinstance(polygons, list):
        flat = bool(polygons) and _is_numbers(polygons)  # a single polygon without its list; pycocotools reads it too
        parts = [polygons] if flat else polygons
        record["segmentation"] = [np.array(part, np.float64) if _is_numbers(part) else part for part in parts]
    return record


def _is_numbers(polygon: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(polygon, list) and all(type(value) in (int, float) for value in polygon)


def has_bbox(annotation: Json) -> bool:
    """Whether an annotation has a `bbox`, be it valid or not; null and an empty list are none."""
    return annotation.get("bbox") not in (None, [])


def _without_segmentation(record: Json) -> Json:
    if has_bbox(record):
        record.pop("segmentation", None)
    return _with_arrays(record)
