"""What every reader returns: one check per image, whose result is a record with boxes and masks, or with problems."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.names import MAX_ID, class_name, id_fault, printable
from boxsup.errors import ConfigError, DataError
from boxsup.image import VOID
from boxsup.image.files import read_image, read_mask
from boxsup.near import first_few

BACKGROUND = "background"


class Box(NamedTuple):
    """An annotated object: class 1…C-1, half-open 0-based pixel corners, the flags `difficult` and `crowd`, 0 or 1."""

    class_id: int
    x0: int
    y0: int
    x1: int
    y1: int
    difficult: int = 0
    crowd: int = 0


class Problem(NamedTuple):
    """Something wrong: the image it belongs to ("" for none), the file at fault, and what is wrong, in one line."""

    image: str
    file: str
    problem: str


class UnusableData(DataError):
    """Nothing in a data set can be used. `problems` lists everything that is wrong, the message only the first."""

    def __init__(self, text: str, problems: Sequence[Problem]) -> None:
        super().__init__(text)
        self.problems = problems


def summarise_problems(problems: Sequence[Problem], consequence: str) -> str:
    """One line with the first problem, the number of problems, and what follows from them.

    >>> summarise_problems([Problem("a", "a.xml", "not XML"), Problem("b", "b.xml", "not XML")], "no box is left")
    'a.xml: not XML (the first of 2 problems; no box is left)'
    """
    count = f"the first of {len(problems)} problems" if len(problems) > 1 else "the only problem"
    return f"{problems[0].file}: {problems[0].problem} ({count}; {consequence})"


@dataclass(frozen=True)
class Record:
    """A checked image. It is usable if it has no problems.

    Attributes:
        image: Image id.
        path: Image file.
        height: Height in pixels as stored; 0 if the file cannot be read.
        width: Width in pixels as stored; 0 if the file cannot be read.
        mask: File of the true mask, or "".
        objects: File of the object mask, or "".
        boxes: The objects, in the order of the annotation.
        problems: Everything that is wrong with the image's files.
        drawn: `mask` or `objects` -> PNG, for masks that the data set does not keep as PNG files.
        annotation: The file that the boxes come from, or "".
        origins: For each box, the indices (from 0) of the entries in that file that it was read from: annotations in
            COCO's JSON, objects in VOC's XML, lines in YOLO's text, shapes in LabelMe's JSON. Skipped entries count.
        notes: What was read differently from how the file has it, or was skipped. The image is still usable.
        others: The class of each entry that is none of the data set's and is taken for background.
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
    others: list[str] = field(default_factory=list)


Check = Callable[[], Record]  # reads and checks every file of one image; picklable, for worker processes


@dataclass(frozen=True)
class Listing:
    """The images of a split.

    Attributes:
        ids: Ids of the images to check, in order.
        checks: One check per id, in the same order.
        problems: Problems found while listing, including those of images that are not listed.
        draws_masks: Whether checks may draw masks (`Record.drawn`).
        unmatched: One line per annotation or mask that belongs to no image, if the split takes a whole folder.
    """

    ids: Sequence[str]
    checks: Sequence[Check]
    problems: list[Problem]
    draws_masks: bool
    unmatched: list[Problem] = field(default_factory=list)


# Takes a data set's root, its class names with the background first, and the split's settings as JSON.
Reader = Callable[[Path, tuple[str, ...], str], Listing]


def parse_classes(text: str) -> tuple[str, ...]:
    """Parse class names from a JSON list, and put the background first.

    >>> parse_classes('["cat", "dog"]')
    ('background', 'cat', 'dog')

    Raises:
        ConfigError: The text is not a list of 1 to 254 different, non-empty names, or it names the background.
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
        raise ConfigError(f"classes: list each name once, and leave '{BACKGROUND}' out; got {text}")
    return (BACKGROUND, *names)


def read_list(path: Path, root: Path | None = None) -> tuple[list[str], list[Problem]]:
    """Read an image list: one id per line, empty lines ignored.

    An id is part of a file name, so it may not contain a path.

    Args:
        path: The list, in UTF-8.
        root: The folder that the list must be in, see `check_inside`; None allows any.

    Returns:
        The valid ids, each once and in order; and one problem per id that is invalid or listed twice.

    Raises:
        DataError: The list is missing, empty, not text, or outside `root`.
    """
    listed = read_lines(path, root)
    seen: dict[str, None] = {}
    problems = []
    for image in listed:
        fault = id_fault(image)
        if fault:
            problems.append(
                Problem(printable(image[:MAX_ID]), str(path), f"'{printable(image[:60])}' is no image id: it {fault}")
            )
        elif image in seen:
            problems.append(image_problem(image, path, f"{image} is listed more than once"))
        else:
            seen[image] = None
    return list(seen), problems


def read_lines(path: Path, root: Path | None = None) -> list[str]:
    """The lines of an image list, stripped, without empty ones.

    Args:
        path: The list, in UTF-8.
        root: The folder that the list must be in, see `check_inside`; None allows any.

    Raises:
        DataError: The list is missing, empty, not text, or outside `root`.
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
    """Raise a DataError if a symbolic link leads from `path` out of the folder `root`; None allows any file.

    Otherwise a downloaded data set could make one of the user's private pictures part of what they publish.
    """
    if root is not None and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise DataError(
            f"{printable(str(path))}: a symbolic link leads out of {root}; put the file there, or trust the data set's "
            "links with --links, or with `links: true` beside the split's list in a configuration"
        )


def link_problems(image: str, root: Path | None, *paths: Path | None) -> list[Problem]:
    """A problem for the first of an image's files that `check_inside` refuses. Opens none of them."""
    for path in paths:
        try:
            if path is not None:
                check_inside(path, root)
        except DataError as error:
            return [image_problem(image, path or Path(), str(error))]
    return []


def check_pixels(image: str, path: Path) -> tuple[tuple[int, int], list[Problem]]:
    """Decode an image completely. Returns its height and width; (0, 0) and a problem if that fails."""
    try:
        height, width = read_image(path).shape[:2]
    except DataError as error:
        return (0, 0), [image_problem(image, path, str(error))]
    return (height, width), []


def mask_problems(path: Path, height: int, width: int, classes: int) -> list[str]:
    """Lines that say what is wrong with a mask file: unreadable, not the size of its image, or unknown values.

    Args:
        path: A palette or 8-bit grey PNG.
        height: Image height in pixels; 0 if unknown.
        width: Image width in pixels; 0 if unknown.
        classes: C including the background; values may be 0…C-1 and 255. Pass 255 for an object mask.
    """
    try:
        mask = read_mask(path)
    except DataError as error:
        return [str(error)]
    problems = size_problems(mask, height, width)
    unknown = unknown_values(mask, classes)
    if unknown:
        problems.append(f"the mask holds {first_few(unknown)}; expected 0 to {classes - 1}, or {VOID} for void")
    return problems


def size_problems(mask: NDArray[np.generic], height: int, width: int) -> list[str]:
    """A line if a mask does not have the size of its image; none if the image's height is 0 (unknown).

    >>> size_problems(np.zeros((2, 3)), 2, 4)
    ['the mask has 3×2 pixels, its image 4×2 (width×height)']
    """
    if not height or mask.shape == (height, width):
        return []
    got = "×".join(map(str, reversed(mask.shape)))
    return [f"the mask has {got} pixels, its image {width}×{height} (width×height)"]


def unknown_values(mask: NDArray[np.uint8], classes: int) -> list[int]:
    """The values of a uint8 mask, sorted, that are neither a class 0…C-1 nor void.

    >>> unknown_values(np.array([[0, 2], [9, 255]], np.uint8), classes=3)
    [9]
    """
    counts = np.bincount(mask.ravel(), minlength=VOID + 1)
    return [int(value) for value in np.flatnonzero(counts[:VOID]) if value >= classes]


def image_problem(image: str, path: Path, text: str) -> Problem:
    """A printable problem in one line. A leading file name is dropped: it has its own column.

    >>> image_problem("a", Path("a.jpg"), "a.jpg: cannot be decoded")
    Problem(image='a', file='a.jpg', problem='cannot be decoded')
    """
    line = " ".join(text.removeprefix(f"{path}: ").split())
    return Problem(printable(image), printable(str(path)), printable(line))
