"""Checks the files of a split, in parallel over its images, and makes tables of the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TypeVar

import pandas as pd

from boxsup.catalogue.names import printable
from boxsup.catalogue.records import Problem, Record
from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue
from boxsup.image.scaling import working_size
from boxsup.machine.workers import map_in_processes
from boxsup.store.csv import write_csv

T = TypeVar("T")
PROBLEMS = "problems.csv"
BATCH = 16  # images per call of a worker


def run_checks(checks: Sequence[Callable[[], T]], workers: int, module: str | None = None) -> Iterator[T]:
    """Run one check per image.

    Args:
        checks: `boxsup.catalogue.records.Check`s, or other picklable calls without arguments.
        workers: Number of processes; 1 works in this one. Results do not depend on it.
        module: What these and later workers of this process share; see `boxsup.machine.workers.worker_context`.

    Yields:
        The results of `checks`, in their order.
    """
    if workers <= 1:
        yield from (check() for check in checks)
        return
    batches = ((checks[start : start + BATCH],) for start in range(0, len(checks), BATCH))
    yield from chain.from_iterable(map_in_processes(_run_batch, batches, workers, module=module))


def _run_batch(checks: Sequence[Callable[[], T]]) -> list[T]:
    return [check() for check in checks]


def save_drawn(record: Record, partial: Path, folder: Path) -> Record:
    """Write the drawn masks of an image as `mask/ID.png` and `objects/ID.png`.

    Args:
        record: A record without problems.
        partial: The folder to write to.
        folder: The folder that `partial` will be renamed to.

    Returns:
        The record with the paths of the masks in `folder`.
    """
    files = {"mask": record.mask, "objects": record.objects}
    for kind, png in record.drawn.items():
        name = f"{kind}/{record.image}.png"
        (partial / kind).mkdir(parents=True, exist_ok=True)
        (partial / name).write_bytes(png)
        files[kind] = str(folder / name)
    return replace(record, mask=files["mask"], objects=files["objects"], drawn={})


def at_working_size(record: Record, megapixels: float) -> Record:
    """The record of an image as it is worked on: reduced, if it has more megapixels than this, with its boxes.

    A box keeps every pixel that it touches.

    >>> from boxsup.catalogue.records import Box
    >>> at_working_size(Record("a", "a.jpg", 3000, 4000, boxes=[Box(1, 7, 8, 2000, 2999)]), 0.12).boxes
    [Box(class_id=1, x0=0, y0=0, x1=200, y1=300, difficult=0, crowd=0)]
    """
    height, width = working_size(record.height, record.width, megapixels)
    if (height, width) == (record.height, record.width):
        return record
    boxes = [
        box._replace(
            x0=box.x0 * width // record.width,
            y0=box.y0 * height // record.height,
            x1=-(-box.x1 * width // record.width),
            y1=-(-box.y1 * height // record.height),
        )
        for box in record.boxes
    ]
    return replace(record, height=height, width=width, boxes=boxes)


def to_catalogue(records: Iterable[Record], classes: tuple[str, ...]) -> Catalogue:
    """The tables of records without problems."""
    images, boxes = [], []
    for record in records:
        images.append((record.image, record.path, record.height, record.width, record.mask, record.objects))
        boxes += [(record.image, *box) for box in record.boxes]
    return Catalogue(
        pd.DataFrame(images, columns=list(IMAGE_COLUMNS)), pd.DataFrame(boxes, columns=list(BOX_COLUMNS)), classes
    )


def write_problems(path: str | os.PathLike[str], problems: Sequence[Problem]) -> Path:
    """Write `problems.csv`, just the header if there are none. Names that are not UTF-8 are escaped."""
    texts = [tuple(map(printable, problem)) for problem in problems]
    write_csv(path, pd.DataFrame(texts, columns=list(Problem._fields)))
    return Path(path)
