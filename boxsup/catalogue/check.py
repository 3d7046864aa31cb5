"""Checks every file of a split, in parallel over its images."""

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
from boxsup.machine.workers import map_in_processes
from boxsup.store.csv import write_csv

T = TypeVar("T")
PROBLEMS = "problems.csv"
BATCH = 16  # images a worker takes at a time


def run_checks(checks: Sequence[Callable[[], T]], workers: int) -> Iterator[T]:
    """Check the images of a split.

    Args:
        checks: One an image: `boxsup.catalogue.records.Check`, or another call that can be sent to a process.
        workers: Processes; 1 works in this one. Results do not depend on it.

    Yields:
        A record an image, or what the calls give, in the order of `checks`.
    """
    if workers <= 1:
        yield from (check() for check in checks)
        return
    batches = ((checks[start : start + BATCH],) for start in range(0, len(checks), BATCH))
    yield from chain.from_iterable(map_in_processes(_run_batch, batches, workers))


def _run_batch(checks: Sequence[Callable[[], T]]) -> list[T]:
    return [check() for check in checks]


def save_drawn(record: Record, partial: Path, place: Path) -> Record:
    """Write the masks that were drawn for an image as `mask/ID.png` and `objects/ID.png`.

    Args:
        record: Without problems.
        partial: The folder that they are written to.
        place: The folder that it will become.

    Returns:
        The record with the files they will be.
    """
    files = {"mask": record.mask, "objects": record.objects}
    for kind, png in record.drawn.items():
        name = f"{kind}/{record.image}.png"
        (partial / kind).mkdir(parents=True, exist_ok=True)
        (partial / name).write_bytes(png)
        files[kind] = str(place / name)
    return replace(record, mask=files["mask"], objects=files["objects"], drawn={})


def to_catalogue(records: Iterable[Record], classes: tuple[str, ...]) -> Catalogue:
    """The tables of the given records, which must have no problems."""
    images, boxes = [], []
    for record in records:
        images.append((record.image, record.path, record.height, record.width, record.mask, record.objects))
        boxes += [(record.image, *box) for box in record.boxes]
    return Catalogue(
        pd.DataFrame(images, columns=list(IMAGE_COLUMNS)), pd.DataFrame(boxes, columns=list(BOX_COLUMNS)), classes
    )


def write_problems(path: str | os.PathLike[str], problems: Sequence[Problem]) -> Path:
    """Write `problems.csv`, its header alone where nothing is wrong; names that are no UTF-8 are escaped."""
    texts = [tuple(map(printable, problem)) for problem in problems]
    write_csv(path, pd.DataFrame(texts, columns=list(Problem._fields)))
    return Path(path)
