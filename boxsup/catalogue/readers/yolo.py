"""Reads YOLO's labels, as Ultralytics documents them: a text file an image, and a `data.yaml` that names the classes.

A line is an object: `class x y width height`, the middle and the size of its box, or `class x1 y1 x2 y2 x3 y3 …`, the
corners of its polygon; all but the class, a number from 0, in shares of the image's width and height. An image without
a file has no objects. One ring of corners is all that an object can have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from boxsup.catalogue.readers.folder import Annotations, FolderSplit, Found, place, read_folder
from boxsup.catalogue.readers.segments import Thing, pixel_box, polygon_box, segment
from boxsup.catalogue.records import Box, Listing, check_inside
from boxsup.errors import DataError
from boxsup.settings import parse
from boxsup.store.foreign import read_content

ENDING, DATA = ".txt", "data.yaml"
MOST_DATA = 2**20  # bytes of a data.yaml
BOX, LEAST_POLYGON = 5, 7  # numbers in a line
ADVICE = "it must name the classes: `names: [cat, dog]`, or `names: {0: cat, 1: dog}`"


@dataclass(frozen=True)
class YoloSplit(FolderSplit):
    """A split's settings, and `data`: the file that names the classes."""

    data: str = DATA


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of YOLO's labels; see `boxsup.catalogue.readers`."""
    split = parse(YoloSplit, settings, "split")
    data = place(root, split.data, split.links)
    check_inside(data.path, data.inside)
    labels = labels_of(read_names(data.path), classes, data.path)
    return read_folder(root, split, classes, Annotations(ENDING, partial(read_labels, labels), needed=False))


def read_names(path: Path) -> dict[int, str]:
    """The name of each class's number, of a `data.yaml`.

    Raises:
        DataError: The file is missing or no YAML, names no classes, or is one of keypoints.
    """
    text = read_content(path, ADVICE, MOST_DATA)
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: not readable as YAML ({line}); {ADVICE}") from error
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise DataError(f"{path}: {ADVICE}")
    for number, name in names.items():
        if type(number) is not int or number < 0 or not _is_name(name):
            raise DataError(f"{path}: names: expected numbers from 0 with a name each; {ADVICE}")
    if "kpt_shape" in content:
        raise DataError(f"{path}: kpt_shape: its labels are of keypoints; labels of boxes or polygons are read")
    return {number: str(name) for number, name in names.items()}


def _is_name(name: Any) -> bool:  # noqa: ANN401 - YAML
    return type(name) in (str, int, float) and bool(str(name).strip()) and str(name).isprintable()


def labels_of(names: Mapping[int, str], classes: Sequence[str], path: Path) -> dict[int, int]:
    """The label 1…C-1 of each number, 0 where it is none of our classes.

    Args:
        names: See `read_names`.
        classes: Names by label, the background first.
        path: The `data.yaml`.

    Raises:
        DataError: A class is none of them.
    """
    missing = [name for name in classes[1:] if name not in names.values()]
    if missing:
        raise DataError(f"{path}: the class '{missing[0]}' is none of its names: {', '.join(names.values())}")
    return {number: classes.index(name) if name in classes[1:] else 0 for number, name in names.items()}


def read_labels(labels: Mapping[int, int], content: bytes, height: int, width: int, drawn: bool) -> Found:
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
        return [], [f"not a text file ({error.reason} at byte {error.start})"]
    things, texts = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            thing = _thing(line.split(), labels, height, width, drawn)
            things += [thing] if thing.box.label else []
        except ValueError as error:
            texts.append(f"line {number}: {error}")
    return things, texts


def _thing(fields: Sequence[str], labels: Mapping[int, int], height: int, width: int, drawn: bool) -> Thing:
    """The object of a line, its label 0 if its class is none of ours."""
    numbers = _numbers(fields)
    kind = int(numbers[0])
    if kind != numbers[0] or kind not in labels:
        known = f"0 to {max(labels)}" if len(labels) == max(labels) + 1 else ", ".join(map(str, sorted(labels)))
        raise ValueError(f"class {fields[0][:60]} is none of data.yaml's, {known}")
    scaled = numbers[1:].reshape(-1, 2) * (width, height)
    if len(numbers) >= LEAST_POLYGON:
        polygon = [scaled.ravel()]
        corners, note = polygon_box(polygon, height, width)
        return Thing(Box(labels[kind], *corners), segment(polygon, height, width) if drawn and not note else None, note)
    (x, y), (across, down) = scaled.tolist()
    if across < 0 or down < 0:
        raise ValueError("the box has a width or height below 0")
    shown = f"the box {' '.join(fields[1:])[:120]}"
    borders = (x - across / 2, y - down / 2, x + across / 2, y + down / 2)
    return Thing(Box(labels[kind], *pixel_box(borders, height, width, shown)), None)


def _numbers(fields: Sequence[str]) -> NDArray[np.float64]:
    """The numbers of a line: five, or seven and more by twos."""
    if len(fields) != BOX and (len(fields) < LEAST_POLYGON or len(fields) % 2 == 0):
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
