"""Lets the boxes of many images choose, in several processes beside the one that runs the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import BOX_COLUMNS, ImageRow
from boxsup.config.update import UpdateSettings
from boxsup.labels.choice import recorded_count
from boxsup.labels.choice_tables import ChoiceTables
from boxsup.labels.generation import LabelUpdate
from boxsup.labels.layers import Layer, Part
from boxsup.labels.overlaps import Overlaps
from boxsup.machine.workers import map_batches, prefetch
from boxsup.objects.maps import ObjectMaps
from boxsup.proposals.pool_store import Pools

COLUMNS = list(BOX_COLUMNS[1:])  # of a table of boxes, all but the id of the image
MAX_BATCH = 8  # images whose candidates, some 0.6 MB each, are read at once
BATCH_PIXELS = 2**22  # of the images that a process gets at a time, at most
SECONDS = 0.01  # for the boxes of an image to choose


class Asked(NamedTuple):
    """An image whose boxes choose.

    Attributes:
        image: Its row in the catalogue's table of images.
        rows: B rows of its boxes in the catalogue's table.
        boxes: B×7 int64, these rows: COLUMNS.
        parts: What boxes read of a network's scores.
        scores: Each part's natural-log probabilities, h×w float32; None without a network.
    """

    image: ImageRow
    rows: NDArray[np.int64]
    boxes: NDArray[np.int64]
    parts: Sequence[Part]
    scores: Sequence[NDArray[np.float32]] | None = None


class Made(NamedTuple):
    """What came of it.

    Attributes:
        rows: B rows of the boxes in the catalogue's table.
        labels: H×W uint8 label map.
        tables: The choices of the B boxes.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.uint8]
    tables: ChoiceTables


@dataclass(frozen=True)
class Sources:
    """What the boxes of a generation choose by, as each process opens it for itself.

    Attributes:
        proposals: Stores of candidates.
        overlaps: Stores of IoU tables.
        objects: Stores of object maps; none: E_b is 0.
        settings: Settings of the update.
        seed: Seed of the experiment.
        generation: Number of the generation, from 1.
        batch: How many images are read at once; see `images_at_once`.
    """

    proposals: Sequence[Path]
    overlaps: Sequence[Path]
    objects: Sequence[Path]
    settings: UpdateSettings
    seed: int
    generation: int
    batch: int

    def open(self) -> LabelUpdate:
        """Open the stores, for an update that has yet to be told what the network sees.

        Raises:
            StoreError: A store is missing or damaged.
        """
        pools, overlaps = Pools(self.proposals, self.batch), Overlaps(self.overlaps, self.batch)
        maps = ObjectMaps(self.objects, self.batch) if self.objects else None
        return LabelUpdate(pools, overlaps, None, self.settings, self.seed, self.generation, maps)


def images_at_once(sizes: NDArray[np.integer]) -> int:
    """How many images a process reads at a time: as many as MAX_BATCH, fewer if they are large.

    Args:
        sizes: N×2 heights and widths, px.

    >>> images_at_once(np.array([[500, 375]])), images_at_once(np.array([[3000, 4000]]))
    (8, 1)
    """
    largest = int(sizes.prod(axis=1).max(initial=1))
    return max(1, min(MAX_BATCH, BATCH_PIXELS // largest))


def choose_in_order(images: Iterable[Asked], sources: Sources, update: LabelUpdate, workers: int) -> Iterator[Made]:
    """Let the boxes of images choose, and yield the results in the order of the images.

    Args:
        images: The images, taken as they are needed.
        sources: What their boxes choose by.
        update: These sources, opened.
        workers: How many processes choose, beside this one if there are several; results do not depend on it.

    Raises:
        DataError: The candidates or the overlaps of an image do not fit it.
        BoxSupError: A process was ended from outside.
    """
    if workers == 1:
        yield from (made_of(update, image) for image in images)
        return
    made = map_batches(_made_of_batch, sources.open, images, sources.batch, workers)
    yield from chain.from_iterable(prefetch(made))  # so that the network goes on while this process writes


def made_of(update: LabelUpdate, asked: Asked) -> Made:
    """Let the boxes of one image choose."""
    boxes = pd.DataFrame(asked.boxes, columns=COLUMNS)
    image, told = asked.image, replace(update, scores=_Seen.of(asked))
    result = told.labels(image.image, image.height, image.width, boxes)
    tables = ChoiceTables(len(boxes), recorded_count(update.settings))
    for row, (choice, sharpened) in enumerate(zip(result.choices, result.sharpened, strict=True)):
        tables.record(row, choice, sharpened)
    return Made(asked.rows, result.labels, tables)


@dataclass(frozen=True)
class _Seen:
    """What the network sees of one image, as the update asks for it."""

    layers: Mapping[int, Layer]

    @classmethod
    def of(cls, asked: Asked) -> _Seen | None:
        """What the network sees; None without a network."""
        if asked.scores is None:
            return None
        pairs = zip(asked.parts, asked.scores, strict=True)
        return cls({part.class_id: Layer(scores, (part.y0, part.x0)) for part, scores in pairs})

    def __call__(self, image: str, class_ids: NDArray[np.int64]) -> list[Layer]:
        return [self.layers[class_id] for class_id in class_ids.tolist()]


def _made_of_batch(update: LabelUpdate, batch: Sequence[Asked]) -> list[Made]:
    return [made_of(update, asked) for asked in batch]
