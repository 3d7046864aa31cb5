"""Checks every file of a split, in parallel over its images."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue
from boxsup.catalogue.voc import Problem, Record, Tree, check_image
from boxsup.store.atomic import creating

BATCH = 16  # images a worker takes at a time
AHEAD = 4  # batches a worker that may be waiting or done: results are taken in order, memory stays bounded


def check_images(tree: Tree, images: Sequence[str], workers: int) -> Iterator[Record]:
    """Check images by `boxsup.catalogue.voc.check_image`.

    Args:
        tree: Where to look.
        images: Valid ids.
        workers: Processes; 1 works in this one. Results do not depend on it.

    Yields:
        A record an image, in the order of `images`.
    """
    if workers <= 1:
        yield from (check_image(tree, image) for image in images)
        return
    batches = iter([images[start : start + BATCH] for start in range(0, len(images), BATCH)])
    # Not forked: a fork of a process with threads (OpenCV's, numpy's) may hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
        try:
            pending: deque[Future[list[Record]]] = deque()
            pending.extend(executor.submit(_check_batch, tree, batch) for batch in islice(batches, workers * AHEAD))
            while pending:
                yield from pending.popleft().result()
                pending.extend(executor.submit(_check_batch, tree, batch) for batch in islice(batches, 1))
        finally:
            executor.shutdown(cancel_futures=True)


def _check_batch(tree: Tree, images: Sequence[str]) -> list[Record]:
    return [check_image(tree, image) for image in images]


def to_catalogue(records: Iterable[Record], classes: tuple[str, ...]) -> Catalogue:
    """The tables of the given records, which must have no problems; VOC knows no crowds."""
    images, boxes = [], []
    for record in records:
        images.append((record.image, record.path, record.height, record.width, record.mask, record.objects))
        boxes += [(record.image, *box, 0) for box in record.boxes]
    return Catalogue(
        pd.DataFrame(images, columns=list(IMAGE_COLUMNS)), pd.DataFrame(boxes, columns=list(BOX_COLUMNS)), classes
    )


def write_problems(path: str | os.PathLike[str], problems: Sequence[Problem]) -> Path:
    """Write `problems.csv`, its header alone where nothing is wrong."""
    with creating(path) as partial:
        pd.DataFrame(problems, columns=list(Problem._fields)).to_csv(partial, index=False)
    return Path(path)
