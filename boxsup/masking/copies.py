"""Copies of the user's annotation files, file by file, with masks added to the boxes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from boxsup.catalogue.readers.coco_form import instance_files
from boxsup.catalogue.records import Problem
from boxsup.catalogue.sources import Source
from boxsup.errors import DataError
from boxsup.masking.parts import ImagePart
from boxsup.store.atomic import write_bytes
from boxsup.writers.coco_copy import CHANGED

Stamps = dict[Path, tuple[int, int]]
Copy = Callable[[bytes], bytes]  # the content of a file -> the content of its copy
Fill = Callable[[ImagePart, bytes], bytes]  # the masks of an image, the content of its file -> that of its copy


@dataclass(frozen=True)
class MaskResults:
    """What there is to write, in any format.

    Attributes:
        source: The user's annotations; results use their classes and numbers.
        stamps: State of the annotation files when they were read; see `stamps_of`.
        parts: Returns all finished images, in order. It reads them from disk each time, since there may be many.
        tight: Whether COCO's boxes are made tight around their masks.
    """

    source: Source
    stamps: Stamps
    parts: Callable[[], Iterator[ImagePart]]
    tight: bool = False


def stamps_of(source: Source) -> Stamps:
    """Return the user's annotation files with their modification times in ns and their sizes in bytes."""
    files = instance_files(source.annotations) if source.format == "coco" else source.files()
    return {file.absolute(): _stamp(file) for file in files}


def changed(results: MaskResults, file: Path) -> list[Problem]:
    """Return a problem if an annotation file has changed since its boxes were read: they may be elsewhere in it now."""
    return [] if _stamp(file) == results.stamps[file] else [Problem("", str(file), CHANGED)]


def copy_files(folder: Path, base: Path, results: MaskResults, fill: Fill, other: Copy = bytes) -> list[Problem]:
    """Write a copy of each of the user's annotation files.

    Args:
        folder: The folder to write to.
        base: The user's folder that it is a copy of.
        results: What there is to write.
        fill: Adds an image's masks to the content of its file; a DataError of it is a problem of this file.
        other: Copies the content of all other files; by default byte for byte.

    Returns:
        The problems with files that could not be copied.
    """
    problems, rest = [], dict.fromkeys(results.stamps)
    for part in results.parts():
        file = Path(part.record.annotation)
        if file in rest:  # a YOLO image may have no file
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
    except DataError as error:
        return [Problem("", str(file), str(error))]
    except RecursionError:
        return [Problem("", str(file), "is nested too deeply to be written")]
    write_bytes(folder / os.path.relpath(file, base), content)
    return []


def _stamp(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
