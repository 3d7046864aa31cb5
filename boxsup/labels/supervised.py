"""What the images of a split are trained on: true masks, masks that stay as they are, or what their boxes choose."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.split_tables import SplitTables
from boxsup.catalogue.tables import ImageRow, check_ids
from boxsup.config.update import UpdateSettings
from boxsup.labels.choice import Chosen
from boxsup.labels.choice_tables import ChoiceTables
from boxsup.labels.fixed_stores import fixed_choices, open_stores
from boxsup.labels.generation import LabelUpdate
from boxsup.labels.in_processes import COLUMNS, SECONDS, Asked, Sources, choose_in_order
from boxsup.labels.layers import parts_read
from boxsup.labels.pins import Pins
from boxsup.machine.imports import large_imports
from boxsup.machine.instructions import warn_of_other_instructions
from boxsup.machine.processors import note_few_processors
from boxsup.machine.workers import useful_processes
from boxsup.proposals.pool_store import Pools

# Of an image and its boxes, a row each: its label map, H×W uint8, and what its boxes chose.
LabelsOf = Callable[[ImageRow, pd.DataFrame], tuple[NDArray[np.uint8], ChoiceTables]]


@dataclass(frozen=True)
class Network:
    """The network that boxes ask.

    Attributes:
        model: Its checkpoint.
        threads: How many threads torch has.
        scales: Sizes at which it sees an image, 1 is the image's own; their scores are averaged.
    """

    model: Path
    threads: int
    scales: Sequence[float]


def of_true_masks(truth: Mapping[str, NDArray[np.uint8]], k: int) -> LabelsOf:
    """True masks, of which no box chose anything.

    Args:
        truth: The masks, H×W uint8 by image id.
        k: How many candidates the tables of choices have room for, as those of images whose boxes choose.
    """
    return lambda row, boxes: (truth[row.image], ChoiceTables(len(boxes), k))


def of_fixed_masks(fixed: Sequence[Path], split: SplitTables, wanted: NDArray[np.bool_]) -> LabelsOf:
    """Masks that stay as they are, as `boxsup fixed-masks` makes them.

    Args:
        fixed: Their stores.
        split: The split, N images.
        wanted: N bool, the images that need a mask.

    Raises:
        DataError: A store's images or boxes are not the split's, or a wanted image is in no store.
    """
    masks, choices = open_stores(fixed), fixed_choices(fixed, split, itertools.compress(split.ids, wanted))

    def labels_of(row: ImageRow, boxes: pd.DataFrame) -> tuple[NDArray[np.uint8], ChoiceTables]:
        tables = ChoiceTables(len(boxes), 1)
        tables.chosen[:] = choices[boxes.index]
        return masks[row.image], tables

    return labels_of


def of_the_update(
    sources: Sources,
    split: SplitTables,
    wanted: NDArray[np.bool_],
    pins: Pins,
    network: Network | None,
    workers: int,
) -> LabelsOf:
    """What boxes choose; a person's decisions stand above it.

    Args:
        sources: What the boxes choose by.
        split: The split, N images.
        wanted: N bool, the images whose boxes choose.
        pins: What a person decided.
        network: The network that boxes ask; None: they choose without one.
        workers: How many processes choose, at most; results do not depend on it.

    Returns:
        A function that takes the wanted images one after another, in the order of the split.

    Raises:
        DataError: A wanted image is in no store.
        StoreError: A store or the checkpoint is missing or damaged.
    """
    update = _opened(sources, split, wanted)
    images = _asked(split, pins, wanted, sources.settings)
    if network:
        images = _with_scores(images, network, split.classes)
    made = choose_in_order(images, sources, update, useful_processes(workers, int(wanted.sum()), SECONDS))

    def labels_of(_: ImageRow, boxes: pd.DataFrame) -> tuple[NDArray[np.uint8], ChoiceTables]:
        own = next(made)
        own.tables.chosen[[box in pins.masks for box in boxes.index]] = Chosen.SEGMENT
        return pins.painted(boxes.index, own.labels), own.tables

    return labels_of


def _opened(sources: Sources, split: SplitTables, wanted: NDArray[np.bool_]) -> LabelUpdate:
    """Open what boxes choose by, and check that the wanted images are there."""
    update = sources.open()
    stores = [("proposals", update.pools), ("overlaps", update.overlaps), ("object maps", update.objects)]
    for name, store in stores:
        if store is not None:
            check_ids(itertools.compress(split.ids, wanted), store, name)
    assert isinstance(update.pools, Pools)  # of several shards, each with what it was made with
    for path, attributes in zip(sources.proposals, update.pools.attributes, strict=True):
        warn_of_other_instructions(attributes.get("versions", {}).get("instructions"), str(path))
    return update


def _asked(split: SplitTables, pins: Pins, wanted: NDArray[np.bool_], settings: UpdateSettings) -> Iterator[Asked]:
    """What the boxes of the wanted images choose by, before a network sees them; as it is needed."""
    number = iter(wanted)
    for part in map(pins.applied, split.parts()):
        for row in part.rows():
            if next(number):
                boxes = part.boxes_of(row.image)
                parts = parts_read(boxes, row.height, row.width, settings)
                values, rows = boxes[COLUMNS].to_numpy(np.int64), boxes.index.to_numpy(np.int64)
                yield Asked(row, rows, values, parts)


def _with_scores(asked: Iterable[Asked], network: Network, classes: tuple[str, ...]) -> Iterator[Asked]:
    """Let the network see images, in a thread, while the boxes of earlier ones choose."""
    with large_imports():  # torch costs seconds that overlap alone need not pay
        from boxsup.inference.scores import Predictor
        from boxsup.network.checkpoint import instructions_of

    predictor = Predictor(network.model, network.threads, classes, network.scales)
    warn_of_other_instructions(instructions_of(network.model), str(network.model))
    note_few_processors(network.threads)
    scored = predictor.score_parts((own, own.image.photo, [part.window for part in own.parts]) for own in asked)
    return (own._replace(scores=scores) for own, scores in scored)
