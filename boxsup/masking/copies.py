"""Copies of somebody's own annotation files in which boxes have masks, file for file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from boxsup.catalogue.readers.coco_form import instance_files
from boxsup.catalogue.records import Problem
from boxsup.catalogue.sources import Source
from boxsup.masking.parts import ImagePart
from boxsup.store.atomic import write_bytes
from boxsup.writers.coco_copy import CHANGED

Stamps = dict[Path, tuple[int, int]]
Copy = Callable[[bytes], bytes]  # from the content of a file to that of its copy
Fill = Callable[[ImagePart, bytes], bytes]


@dataclass(frozen=True)
class MaskResults:
    """What there is to write, whatever the format.

    Attributes:
        source: The user's annotations, in whose classes and numbers results are.
        stamps: Of their files, when they were read; see `stamps_of`.
        parts: Gives all images that are done, in order, from disk each time: they may be many.
        tight: Whether COCO's boxes are to be tight around their masks.
    """

    source: Source
    stamps: Stamps
    parts: Callable[[], Iterator[ImagePart]]
    tight: bool = False


def stamps_of(source: Source) -> Stamps:
    """The user's annotation files with their times of change in ns and their sizes in bytes."""
    files = instance_files(source.annotations) if source.format == "coco" else source.files()
    return {file.absolute(): _stamp(file) for file in files}


def changed(results: MaskResults, file: Path) -> list[Problem]:
    """A problem if an annotation file is no longer what its boxes were read from: their places may be others'."""
    return [] if _stamp(file) == results.stamps[file] else [Problem("", str(file), CHANGED)]


def copy_files(folder: Path, base: Path, results: MaskResults, fill: Fill, other: Copy = bytes) -> list[Problem]:
    """Write a copy of each of the user's annotation files.

    Args:
        folder: Where to.
        base: The folder in place of which it stands.
        results: What there is.
        fill: Gives an image's file with its masks.
        other: Gives the copies of the other files, of images that are not done; as they are, byte for byte.

    Returns:
        What is wrong with files that could not be copied.
    """
    problems, rest = [], dict.fromkeys(results.stamps)
    for part in results.parts():
        file = Path(part.record.annotation)
        if file in rest:  # an image of YOLO's may have none
            del rest[file]
            problems += _copy(folder, base, results, file, partial(fill, part))
    for file in rest:
        problems += _copy(folder, base, results, file, other)
    return problems


def _copy(folder: Path, base: Path, results: MaskResults, file: Path, copy: Copy) -> list[Problem]:
    problems = changed(results, file)
    if problems:
        return problems
    try:
        content = copy(file.read_bytes())
    except OSError as error:
        return [Problem("", str(file), f"cannot be read ({error.strerror})")]
    except RecursionError:
        return [Problem("", str(file), "is nested too deeply to be written")]
    write_bytes(folder / os.path.relpath(file, base), content)
    return []


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
