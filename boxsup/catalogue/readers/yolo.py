"""Reads YOLO's labels as Ultralytics documents them: one text file per image, and a `data.yaml` with the class names.

Darknet, LabelImg, CVAT and Label Studio name the classes in a text file, one per line, instead of a `data.yaml`.

A line is an object: `class x y width height`, the centre and size of its box, or `class x1 y1 x2 y2 x3 y3 …`, the
corners of its polygon. The class is a number from 0; the rest are shares of the image's width and height. An object has
one ring of corners at most. An image without a file has no objects.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from boxsup.catalogue.names import class_name, is_background
from boxsup.catalogue.readers.folder import (
    MAX_BYTES,
    Annotations,
    ParsedObjects,
    guarded_path,
    read_folder,
)
from boxsup.catalogue.readers.segments import NO_BOX, AnnotatedObject, no_area, pixel_box, polygon_box, segment
from boxsup.catalogue.records import Box, Listing, check_inside
from boxsup.config.build import parse
from boxsup.config.datasets import YoloSplit
from boxsup.errors import DataError
from boxsup.store.foreign import read_content

ENDING, DATA = ".txt", "data.yaml"
NAMES_FILES = (DATA, "data.yml", "dataset.yaml", "classes.txt", "obj.names")  # name the classes; earlier ones win
PARENTS = 2  # folders above the labels to search for them
MAX_DATA = 2**20  # bytes of a data.yaml
BOX, MIN_POLYGON, ORIENTED = 5, 7, 9  # fields in a line
MIN_DIGITS, MAX_DIGITS = 3, 16  # decimals; with fewer, a border outside the image is no rounding error
ADVICE = "it must name the classes: `names: [cat, dog]`, or `names: {0: cat, 1: dog}`"


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """List a split of YOLO's labels; see `boxsup.catalogue.readers`."""
    split = parse(YoloSplit, settings, "split")
    data = guarded_path(root, split.data, split.links)
    check_inside(data.path, data.inside)
    class_ids = class_ids_of(read_names(data.path), classes, data.path)
    return read_folder(root, split, classes, Annotations(ENDING, partial(read_labels, class_ids), needed=False))


def read_names(path: Path) -> dict[int, str]:
    """The names of the classes by YOLO's numbers, from a `data.yaml` or a text with one name per line.

    Raises:
        DataError: The file is missing or not such a file, names no classes, or describes keypoints.
    """
    content = read_content(path, ADVICE, MAX_DATA)
    names = _of_yaml(path, content) if path.suffix.lower() in (".yaml", ".yml") else _of_lines(path, content)
    for number, name in names.items():
        if not name or not name.isprintable():
            raise DataError(
                f"{path}: names: expected numbers from 0 with a name each, {number} has none to show; {ADVICE}"
            )
    return names


class LiteralLoader(yaml.SafeLoader):
    """Keeps every value as the text in the file: YAML would read on, no and 1e3 as other types."""


LiteralLoader.yaml_implicit_resolvers = {}


def _of_yaml(path: Path, text: bytes) -> dict[int, str]:
    try:
        content = yaml.load(text, LiteralLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: not readable as YAML ({line}); {ADVICE}") from error
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = {str(number): name for number, name in enumerate(names)}
    if not isinstance(names, dict) or not names:
        raise DataError(f"{path}: {ADVICE}")
    if not all(_is_number(number) and isinstance(name, str) for number, name in names.items()):
        raise DataError(f"{path}: names: expected numbers from 0 with a name each; {ADVICE}")
    if "kpt_shape" in content:
        raise DataError(f"{path}: kpt_shape: its labels are of keypoints; only labels of boxes and polygons are read")
    return {int(number): class_name(name) for number, name in names.items()}


def _is_number(key: Any) -> bool:  # noqa: ANN401 - YAML
    return isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 10


def _of_lines(path: Path, content: bytes) -> dict[int, str]:
    try:
        lines = content.decode("utf-8-sig").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is no UTF-8; save it as UTF-8, a class's name on each line"
        ) from error
    if not lines:
        raise DataError(f"{path}: is empty; expected a class's name on each line")
    return {number: class_name(line) for number, line in enumerate(lines)}


def find_names_file(labels: Path) -> Path | None:
    """The file that names the classes of a folder of labels, in it or above it; a `data.yaml` has priority."""
    return next(names_files(labels), None)


def names_files(labels: Path) -> Iterator[Path]:
    """All files that may name the classes of a folder of labels, in it or above it; earlier ones win."""
    folders = [labels, *labels.absolute().parents[:PARENTS]]
    files = (folder / name for name in NAMES_FILES for folder in folders)
    return (file for file in files if file.is_file())


def class_ids_of(names: Mapping[int, str], classes: Sequence[str], path: Path) -> dict[int, int | str]:
    """Our class of each of YOLO's class numbers: 1…C-1, 0 for the background, the name of one not ours.

    >>> class_ids_of({0: "cat", 1: "dog"}, ("background", "dog"), Path("data.yaml"))
    {0: 'cat', 1: 1}

    Args:
        names: Names by YOLO's numbers, see `read_names`.
        classes: Class names, the background first.
        path: The file that names YOLO's classes.

    Raises:
        DataError: One of `classes` is not among `names`.
    """
    missing = [name for name in classes[1:] if name not in names.values()]
    if missing:
        raise DataError(f"{path}: the class '{missing[0]}' is none of its names: {', '.join(names.values())}")
    class_ids = {name: class_id for class_id, name in enumerate(classes) if class_id}
    return {number: class_ids.get(name, 0 if is_background(name) else name) for number, name in names.items()}


def read_labels(
    class_ids: Mapping[int, int | str], content: bytes, height: int, width: int, drawn: bool
) -> ParsedObjects:
    """Parse the label file of an image.

    >>> objects, _ = read_labels({0: 1}, b"0 0.5 0.5 0.5 1", height=4, width=8, drawn=False)
    >>> objects[0].box
    Box(class_id=1, x0=2, y0=0, x1=6, y1=4, difficult=0, crowd=0)

    Args:
        class_ids: Our class of each of YOLO's class numbers, see `class_ids_of`.
        content: The file's content.
        height: Image height in pixels.
        width: Image width in pixels.
        drawn: Whether the pixels of polygons are wanted.

    Returns:
        The valid objects, in the order of the file, and one line for each invalid one; see `AnnotatedObject.other`.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        return [], [f"not a text file in UTF-8 ({error.reason} at byte {error.start}); save it so"]
    objects, texts = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            objects.append(_of_line(line.split(), number - 1, class_ids, height, width, drawn))
        except ValueError as error:
            texts.append(f"line {number}: {error}")
    return objects, texts


def has_oriented_boxes(files: Iterable[Path]) -> bool:
    """Whether the polygons in label files are oriented boxes: there are some, and all have four corners.

    Files that cannot be read are ignored: the checks of their images report them.
    """
    found = False
    for file in files:
        try:
            content = read_content(file, "", MAX_BYTES)
        except DataError:
            continue
        counts = {len(line.split()) for line in content.splitlines()}
        if any(count > BOX and count != ORIENTED for count in counts):
            return False
        found = found or ORIENTED in counts
    return found


def _of_line(
    fields: Sequence[str], index: int, class_ids: Mapping[int, int | str], height: int, width: int, drawn: bool
) -> AnnotatedObject:
    """The object of line `index` (from 0)."""
    numbers = _numbers(fields)
    number = int(numbers[0])
    if number != numbers[0] or number not in class_ids:
        last = max(class_ids)
        known = f"0 to {last}" if len(class_ids) == last + 1 else ", ".join(map(str, sorted(class_ids)))
        raise ValueError(f"class {fields[0][:60]} is none of those that are named, {known}")
    class_id = class_ids[number]
    if isinstance(class_id, str):
        _object(fields[1:], numbers[1:], 0, height, width, drawn=False)  # a line that is wrong stays wrong
        return AnnotatedObject(NO_BOX, None, other=class_id)
    item = _object(fields[1:], numbers[1:], class_id, height, width, drawn)
    note = item.note if class_id else "its class is the background, it is no object"
    note = f"line {index + 1}: {note}" if note else ""
    return replace(item, origin=(index,), note=note)


def _object(
    fields: Sequence[str], numbers: NDArray[np.float64], class_id: int, height: int, width: int, drawn: bool
) -> AnnotatedObject:
    """The object that the numbers after the class describe."""
    scaled = numbers.reshape(-1, 2) * (width, height)
    if len(numbers) > BOX - 1:
        polygon = [scaled.ravel()]
        corners, note = polygon_box(polygon, height, width)
        pixels = segment(polygon, height, width) if drawn and not note else None
        return AnnotatedObject(Box(class_id, *corners), pixels, note=note or no_area(polygon[0], "its polygon"))
    (x, y), (across, down) = scaled.tolist()
    if across < 0 or down < 0:
        raise ValueError("the box has a width or height below 0")
    shown = f"the box {' '.join(fields)[:120]}"
    borders = np.array([[x - across / 2, y - down / 2], [x + across / 2, y + down / 2]])
    inside = borders.clip(0, (width, height))
    if (np.abs(borders - inside) <= _rounding(fields) * np.array([width, height])).all():
        borders = inside
    corners = pixel_box(borders.ravel().tolist(), height, width, shown)
    return AnnotatedObject(Box(class_id, *corners), None, note=no_area((0, 0, across, down), shown))


def _rounding(fields: Sequence[str]) -> float:
    """How far a border may have moved, as a share of the image, when centre and size were rounded to these digits."""
    digits = max(len(field.partition(".")[2]) if "e" not in field.lower() else MAX_DIGITS for field in fields)
    return 0.75 * 10.0 ** -max(digits, MIN_DIGITS)


def _numbers(fields: Sequence[str]) -> NDArray[np.float64]:
    """The numbers of a line: five, or an odd number from seven."""
    if len(fields) != BOX and (len(fields) < MIN_POLYGON or len(fields) % 2 == 0):
        raise ValueError(
            f"expected `class x y width height`, or `class` and at least three corners `x y`, got {len(fields)} fields"
        )
    try:
        numbers = np.array([float(field) for field in fields])
    except ValueError:
        numbers = np.full(1, math.nan)
    if not (np.abs(numbers) < 1e9).all():
        raise ValueError(f"expected numbers, got {' '.join(fields)[:60]!r}")
    if (numbers[1:] > 2).any():
        raise ValueError("positions and sizes must be shares of the image's width and height, from 0 to 1, not pixels")
    return numbers
