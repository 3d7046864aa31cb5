"""Where the rows of a split's tables begin, so that a job can read some of them: of every BLOCK-th image.

The hidden file ROWS beside the tables keeps it. It says nothing else, so it cannot contradict a table: where it is
missing, as in results of earlier versions, or the tables have other sizes, one pass over the tables finds it again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.experiments.splits import TABLES
from boxsup.store.atomic import atomic_write

ROWS = ".rows.npy"
BLOCK = 64  # images


def write_starts(folder: Path) -> None:
    """Write ROWS beside tables that were just written."""
    starts = find_starts(folder)
    if starts is not None:
        with atomic_write(folder / ROWS, ".npy") as partial:
            np.save(partial, starts)


def read_starts(folder: Path) -> NDArray[np.int64] | None:
    """What ROWS says; see `find_starts`, which finds it if ROWS is missing, damaged, or of tables of other sizes."""
    try:
        starts: NDArray[np.int64] = np.load(folder / ROWS, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return find_starts(folder)
    sizes = [(folder / name).stat().st_size for name in TABLES[:2]]
    is_table = starts.dtype == np.int64 and starts.ndim == 2 and starts.shape[1] == 4 and len(starts) > 0
    fits = is_table and bool((np.diff(starts, axis=0) >= 0).all()) and starts[-1, [1, 3]].tolist() == sizes
    return starts if fits else find_starts(folder)


def find_starts(folder: Path) -> NDArray[np.int64] | None:
    """Where the rows of every BLOCK-th image begin, in one pass over both tables.

    Returns:
        K×4: an image's row, where it begins in the file of images, the row of its first box, and where that begins in
        the file of boxes; the last of the K rows has the numbers of images and boxes, and the sizes of the files. None
        if the tables are not as `write_catalogue` writes them: the image first, boxes in the order of the images.

    Raises:
        OSError: A table cannot be read.
    """
    paths = [folder / name for name in TABLES[:2]]
    if [_first_cell(header(path)) for path in paths] != [b"image", b"image"]:
        return None
    images, boxes = map(_records, paths)
    starts, box, (box_start, of_image) = list[tuple[int, int, int, int]](), 0, next(boxes)
    for number, (start, image) in enumerate(images):
        if image is None or number % BLOCK == 0:
            starts.append((number, start, box, box_start))
        while image is not None and image == of_image:
            box, (box_start, of_image) = box + 1, next(boxes)
    return np.array(starts, np.int64) if of_image is None else None


def header(path: Path) -> bytes:
    """The first line of a table."""
    with path.open("rb") as file:
        return file.readline()


def _records(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Where each row of a table begins, and its first cell; at the end, the size of the file, and None."""
    with path.open("rb") as file:
        start = len(file.readline())
        for line in file:
            record = line
            while record.count(b'"') % 2:  # a cell goes on in the next line
                record += file.readline() or b'"'
            yield start, _first_cell(record)
            start += len(record)
        yield start, None


def _first_cell(record: bytes) -> bytes:
    if not record.startswith(b'"'):
        return record.partition(b",")[0].rstrip(b"\r\n")
    return next(csv.reader([record.decode(errors="surrogateescape")]))[0].encode(errors="surrogateescape")
