"""Reads YOLO's labels, as Ultralytics documents them: a text file an image, and a `data.yaml` that names the classes.

Darknet, LabelImg, CVAT and Label Studio name the classes in a text file, one a line, in place of the `data.yaml`.

A line is an object: `class x y width height`, the middle and the size of its box, or `class x1 y1 x2 y2 x3 y3 …`, the
corners of its polygon; all but the class, a number from 0, in shares of the image's width and height. An image without
a file has no objects. One ring of corners is all that an object can have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from boxsup.catalogue.names import class_name, is_background
from boxsup.catalogue.readers.folder import MAX_BYTES, Annotations, Found, place, read_folder
from boxsup.catalogue.readers.segments import AnnotatedObject, pixel_box, polygon_box, segment
from boxsup.catalogue.records import Box, Listing, check_inside
from boxsup.config.build import parse
from boxsup.config.datasets import YoloSplit
from boxsup.errors import DataError
from boxsup.store.foreign import read_content

ENDING, DATA = ".txt", "data.yaml"
NAMING = (DATA, "data.yml", "dataset.yaml", "classes.txt", "obj.names")  # files that name the classes, the first counts
UPWARDS = 2  # folders above that of the labels in which it is looked for
MAX_DATA = 2**20  # bytes of a data.yaml
BOX, MIN_POLYGON, ORIENTED = 5, 7, 9  # numbers in a line
MIN_DIGITS, MAX_DIGITS = 3, 16  # behind the point: fewer are no rounding but what was meant
ADVICE = "it must name the classes: `names: [cat, dog]`, or `names: {0: cat, 1: dog}`"


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of YOLO's labels; see `boxsup.catalogue.readers`."""
    split = parse(YoloSplit, settings, "split")
    data = place(root, split.data, split.links)
    check_inside(data.path, data.inside)
    labels = labels_of(read_names(data.path), classes, data.path)
    return read_folder(root, split, classes, Annotations(ENDING, partial(read_labels, labels), needed=False))


def read_names(path: Path) -> dict[int, str]:
    """The name of each class's number, of a `data.yaml` or of a text with a name on each line.

    Raises:
        DataError: The file is missing or no such file, names no classes, or is one of keypoints.
    """
    content = read_content(path, ADVICE, MAX_DATA)
    names = _of_yaml(path, content) if path.suffix.lower() in (".yaml", ".yml") else _of_lines(path, content)
    for number, name in names.items():
        if not name or not name.isprintable():
            raise DataError(
                f"{path}: names: expected numbers from 0 with a name each, {number} has none to show; {ADVICE}"
            )
    return names


class Spelled(yaml.SafeLoader):
    """Takes every value as it is spelled: YAML reads on, no and 1e3 as other things than classes' names."""


Spelled.yaml_implicit_resolvers = {}


def _of_yaml(path: Path, text: bytes) -> dict[int, str]:
    try:
        content = yaml.load(text, Spelled)
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
        raise DataError(f"{path}: kpt_shape: its labels are of keypoints; labels of boxes or polygons are read")
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


def find_data(labels: Path) -> Path | None:
    """The file that names the classes of a folder of labels, in it or above it; a `data.yaml` before others."""
    folders = [labels, *labels.absolute().parents[:UPWARDS]]
    files = (folder / name for name in NAMING for folder in folders)
    return next((file for file in files if file.is_file()), None)


def labels_of(names: Mapping[int, str], classes: Sequence[str], path: Path) -> dict[int, int | None]:
    """The label of each number: 1…C-1, None where it is none of our classes, 0 where it is the background.

    Args:
        names: See `read_names`.
        classes: Names by label, the background first.
        path: The file that names the classes.

    Raises:
        DataError: A class is none of them.
    """
    missing = [name for name in classes[1:] if name not in names.values()]
    if missing:
        raise DataError(f"{path}: the class '{missing[0]}' is none of its names: {', '.join(names.values())}")
    labels = {name: label for label, name in enumerate(classes) if label}
    return {number: labels.get(name, 0 if is_background(name) else None) for number, name in names.items()}


def read_labels(labels: Mapping[int, int | None], content: bytes, height: int, width: int, drawn: bool) -> Found:
    """The objects of an image.

    Args:
        labels: See `labels_of`.
        content: Of the file.
        height: Of the image in pixels.
        width: Likewise.
        drawn: Whether the pixels of polygons are wanted.

    Returns:
        The objects of our classes that are right, in the order of the file, and one line for each that is wrong.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        return [], [f"not a text file in UTF-8 ({error.reason} at byte {error.start}); save it so"]
    things, texts = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            things += _things(line.split(), number - 1, labels, height, width, drawn)
        except ValueError as error:
            texts.append(f"line {number}: {error}")
    return things, texts


def oriented(files: Iterable[Path]) -> bool:
    """Whether the polygons of label files are oriented boxes, as far as they can be read: all have four corners."""
    found = False
    for file in files:
        try:
            content = read_content(file, "", MAX_BYTES)
        except DataError:
            continue  # its image's check says what is wrong
        counts = {len(line.split()) for line in content.splitlines()}
        if any(count > BOX and count != ORIENTED for count in counts):
            return False
        found = found or ORIENTED in counts
    return found


def _things(
    fields: Sequence[str], place: int, labels: Mapping[int, int | None], height: int, width: int, drawn: bool
) -> list[AnnotatedObject]:
    """The object of the line at a place; none if its class is none of ours."""
    numbers = _numbers(fields)
    kind = int(numbers[0])
    if kind != numbers[0] or kind not in labels:
        known = f"0 to {max(labels)}" if len(labels) == max(labels) + 1 else ", ".join(map(str, sorted(labels)))
        raise ValueError(f"class {fields[0][:60]} is none of those that are named, {known}")
    label = labels[kind]
    thing = _thing(fields[1:], numbers[1:], label or 0, height, width, drawn)
    note = thing.note if label else f"line {place + 1}: its class is the background, it is no object"
    return [] if label is None else [replace(thing, origin=(place,), note=note)]


def _thing(
    fields: Sequence[str], numbers: NDArray[np.float64], label: int, height: int, width: int, drawn: bool
) -> AnnotatedObject:
    """The object of a label that a line's numbers after its class are."""
    scaled = numbers.reshape(-1, 2) * (width, height)
    if len(numbers) > BOX - 1:
        polygon = [scaled.ravel()]
        corners, note = polygon_box(polygon, height, width)
        pixels = segment(polygon, height, width) if drawn and not note else None
        return AnnotatedObject(Box(label, *corners), pixels, note=note)
    (x, y), (across, down) = scaled.tolist()
    if across < 0 or down < 0:
        raise ValueError("the box has a width or height below 0")
    shown = f"the box {' '.join(fields)[:120]}"
    borders = np.array([[x - across / 2, y - down / 2], [x + across / 2, y + down / 2]])
    inside = borders.clip(0, (width, height))
    if (np.abs(borders - inside) <= _rounding(fields) * np.array([width, height])).all():
        borders = inside
    return AnnotatedObject(Box(label, *pixel_box(borders.ravel().tolist(), height, width, shown)), None)


def _rounding(fields: Sequence[str]) -> float:
    """How far a border may be from where it was, in shares, as middle and size were rounded to so many digits."""
    digits = max(len(field.partition(".")[2]) if "e" not in field.lower() else MAX_DIGITS for field in fields)
    return 0.75 * 10.0 ** -max(digits, MIN_DIGITS)


def _numbers(fields: Sequence[str]) -> NDArray[np.float64]:
    """The numbers of a line: five, or seven and more by twos."""
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
