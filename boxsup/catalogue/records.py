"""What every reader gives: a check for each image, and what comes of it, its boxes and masks or its problems."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.names import MAX_ID, class_name, id_fault, shown
from boxsup.errors import ConfigError, DataError
from boxsup.image import VOID
from boxsup.image.files import read_image, read_mask
from boxsup.near import first_few

BACKGROUND = "background"


class Box(NamedTuple):
    """An annotated object: label 1…C-1, half-open 0-based pixel corners, the flags `difficult` and `crowd`, 0 or 1."""

    label: int
    x0: int
    y0: int
    x1: int
    y1: int
    difficult: int = 0
    crowd: int = 0


class Problem(NamedTuple):
    """Something wrong: the image it belongs to ("" if none), the file at fault, and what is wrong in one line."""

    image: str
    file: str
    problem: str


class Unusable(DataError):
    """Nothing of a data set can be used; `problems` says all that is wrong with it, and the message the first."""

    def __init__(self, text: str, problems: Sequence[Problem]) -> None:
        super().__init__(text)
        self.problems = problems


def first_of(problems: Sequence[Problem], left: str) -> str:
    """The first problem in a line, with how many there are and what is left."""
    count = f"the first of {len(problems)} problems" if len(problems) > 1 else "the only problem"
    return f"{problems[0].file}: {problems[0].problem} ({count}; {left})"


@dataclass(frozen=True)
class Record:
    """An image, checked; usable if it has no problems.

    Attributes:
        image: Its id.
        path: Its file.
        height: In pixels as stored; 0 if the file cannot be read.
        width: Likewise.
        mask: File of its true mask, "" if it has none.
        objects: File of its object mask, "" if it has none.
        boxes: Its objects in the order of the annotation.
        problems: All that is wrong with its files.
        drawn: `mask` or `objects` -> PNG of one that the data set keeps in another form than a PNG of its own.
        annotation: The file that its boxes are from, "" if that is not kept.
        origins: Of each box, the places in that file, from 0, of what it was read from: annotations of COCO's JSON,
            objects of VOC's XML, lines of YOLO's text, shapes of LabelMe's JSON. What was passed over counts.
        notes: What was read otherwise than it stands in its files, or was not read; the image is usable all the same.
    """

    image: str
    path: str
    height: int = 0
    width: int = 0
    mask: str = ""
    objects: str = ""
    boxes: list[Box] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    drawn: Mapping[str, bytes] = field(default_factory=dict)
    annotation: str = ""
    origins: list[tuple[int, ...]] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


Check = Callable[[], Record]  # reads and checks every file of one image; can be sent to another process


@dataclass(frozen=True)
class Listing:
    """What a split names.

    Attributes:
        ids: Of the images that are checked, in order.
        checks: Theirs, likewise.
        problems: What is wrong already, also with images that are not among these.
        draws: Whether checks may draw masks (`Record.drawn`).
        lost: A line for each annotation or mask that is no image's, where all images of a folder are taken.
    """

    ids: Sequence[str]
    checks: Sequence[Check]
    problems: list[Problem]
    draws: bool
    lost: list[Problem] = field(default_factory=list)


# From a data set's root, its classes with the background first, and the JSON of a split's settings.
Reader = Callable[[Path, tuple[str, ...], str], Listing]


def parse_classes(text: str) -> tuple[str, ...]:
    """Class names from a JSON list without the background, which is put first.

    Raises:
        ConfigError: The text is no list of 1…254 different, non-empty names, or names the background.
    """
    try:
        names = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"classes: not JSON ({error})") from error
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise ConfigError(f"classes: expected a list of names, got {text}")
    if not 1 <= len(names) < VOID:
        raise ConfigError(f"classes: expected 1 to {VOID - 1} names, got {len(names)}")
    names = [class_name(name) for name in names]
    if BACKGROUND in names or len(set(names)) < len(names):
        raise ConfigError(f"classes: every name must stand there once, and '{BACKGROUND}' not at all; got {text}")
    return (BACKGROUND, *names)


def read_list(path: Path, root: Path | None = None) -> tuple[list[str], list[Problem]]:
    """The ids of an image list, one a line, and what is wrong with them.

    Empty lines are passed over. An id is part of a file name, so it may not lead into another folder.

    Args:
        path: The list, UTF-8.
        root: The folder that it must lie in; None: anywhere, see `check_inside`.

    Returns:
        The ids that can be looked up, each once and in order, and the problems: ids that are no file names, and ids
        that stand there twice.

    Raises:
        DataError: The list is missing, empty or not text, or lies outside of `root`.
    """
    listed = read_lines(path, root)
    seen: dict[str, None] = {}
    problems = []
    for image in listed:
        fault = id_fault(image)
        if fault:
            problems.append(
                Problem(shown(image[:MAX_ID]), str(path), f"'{shown(image[:60])}' is no image id: it {fault}")
            )
        elif image in seen:
            problems.append(problem(image, path, f"{image} is listed more than once"))
        else:
            seen[image] = None
    return list(seen), problems


def read_lines(path: Path, root: Path | None = None) -> list[str]:
    """The lines of an image list without the space around them; empty ones are passed over.

    Args:
        path: The list, UTF-8.
        root: The folder that it must lie in; None: anywhere, see `check_inside`.

    Raises:
        DataError: The list is missing, empty or not text, or lies outside of `root`.
    """
    if not path.is_file():
        others = ", ".join(sorted(file.stem for file in path.parent.glob("*.txt"))) or "none"
        raise DataError(f"{path}: no such image list; lists in that folder: {others}")
    check_inside(path, root)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not a text file of images in UTF-8 ({error.reason} at byte {error.start}); save it so"
        ) from error
    listed = [line.strip() for line in lines if line.strip()]
    if not listed:
        raise DataError(f"{path}: lists no image; put one on each line")
    return listed


def check_inside(path: Path, root: Path | None) -> None:
    """Raise a DataError if a symbolic link leads a file out of a folder; any file is fine where that is None.

    A data set from elsewhere could make a picture of the user's own part of what is published.
    """
    if root is not None and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise DataError(
            f"{shown(str(path))}: a symbolic link leads out of {root}; put the file there, or trust the data set's "
            "links with `links: true` beside the split's list (the option --links of boxsup init)"
        )


def links_outside(image: str, root: Path | None, *paths: Path | None) -> list[Problem]:
    """The first of an image's files that `check_inside` refuses, as a problem, before any of them is opened."""
    for path in paths:
        try:
            if path is not None:
                check_inside(path, root)
        except DataError as error:
            return [problem(image, path or Path(), str(error))]
    return []


def check_pixels(image: str, path: Path) -> tuple[tuple[int, int], list[Problem]]:
    """Decode an image to its last pixel: its height and width, 0 and 0 with a problem where it cannot be."""
    try:
        height, width = read_image(path).shape[:2]
    except DataError as error:
        return (0, 0), [problem(image, path, str(error))]
    return (height, width), []


def mask_problems(path: Path, height: int, width: int, classes: int) -> list[str]:
    """What is wrong with a mask file: unreadable, of another size than its image, or with unknown labels.

    Args:
        path: A palette or 8-bit grey PNG.
        height: Of the image; 0 if it is not known.
        width: Likewise.
        classes: C with the background; labels are 0…C-1 and 255. For an object mask 255: any number is fine.
    """
    try:
        mask = read_mask(path)
    except DataError as error:
        return [str(error)]
    problems = size_problems(mask, height, width)
    unknown = unknown_labels(mask, classes)
    if unknown:
        problems.append(f"the mask holds {first_few(unknown)}; expected 0 to {classes - 1}, or {VOID} for void")
    return problems


def size_problems(mask: NDArray[np.generic], height: int, width: int) -> list[str]:
    """A line where a mask has another size than its image, whose height is 0 if it is not known."""
    if not height or mask.shape == (height, width):
        return []
    got = "×".join(map(str, reversed(mask.shape)))
    return [f"the mask has {got} pixels, its image {width}×{height} (width×height)"]


def unknown_labels(mask: NDArray[np.uint8], classes: int) -> list[int]:
    """The values of a uint8 mask, in order, that are neither a label 0…C-1 nor void."""
    counts = np.bincount(mask.ravel(), minlength=VOID + 1)
    return [int(value) for value in np.flatnonzero(counts[:VOID]) if value >= classes]


def problem(image: str, path: Path, text: str) -> Problem:
    """One line that can be shown, without the file's name in front, which has its own column."""
    line = " ".join(text.removeprefix(f"{path}: ").split())
    return Problem(shown(image), shown(str(path)), shown(line))
