"""The training images of an epoch in batches, which do not depend on the number of workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from boxsup.catalogue.split_tables import SplitTables
from boxsup.catalogue.tables import Catalogue, check_ids
from boxsup.config.training import TrainingSettings
from boxsup.errors import DataError
from boxsup.machine.stopping import terminal_signals_blocked
from boxsup.machine.workers import worker_context
from boxsup.network.images import IMAGENET, Normalisation, normalise
from boxsup.random import generator
from boxsup.store.labels import Labels, exceeds_classes
from boxsup.training.augmentation import augment
from boxsup.training.parallel import rank_slice, world_size

RUN = 256  # images that follow one another: a store of label maps has at most so many in a file


class EpochData(Dataset[tuple[Tensor, Tensor]]):
    """The images of a split and their labels as one epoch augments them: item i is 3×S×S float32 and S×S uint8.

    Attributes:
        ids: The image ids.
        made_with: The processor's instructions that the labels were made with (`boxsup.machine.instructions`); None if
            not recorded.
    """

    def __init__(
        self,
        split: Catalogue | SplitTables,
        labels: Path,
        settings: TrainingSettings,
        seed: int,
        epoch: int,
        normalisation: Normalisation = IMAGENET,
    ) -> None:
        """Open the images of a split with their labels.

        Args:
            split: The training split.
            labels: The store of label maps.
            settings: The settings of augmentation.
            seed: Seed of the experiment.
            epoch: Number of the epoch, from 1.
            normalisation: The network's.

        Raises:
            DataError: The store lacks an image.
            StoreError: The store's classes are not the split's.
        """
        self._split, self.ids = split, split.ids
        self._labels_path, self._labels = labels, Labels(labels)
        self._settings, self._seed, self._epoch, self._normalisation = settings, seed, epoch, normalisation
        self._labels.check_classes(split.classes)
        self._classes = len(split.classes)
        self.made_with = self._labels.attributes.get("versions", {}).get("instructions")
        check_ids(self.ids, self._labels, str(labels))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        row = self._split.row(index)
        draws = generator(self._seed, "augment", self._epoch, row.image)
        pixels, labels = row.photo(), self._labels[row.image]
        if pixels.shape[:2] != labels.shape:
            raise DataError(f"{row.path}: its size is not that of its labels in {self._labels_path}")
        if exceeds_classes(labels, self._classes):
            raise DataError(
                f"{self._labels_path}: {row.image} has labels of more classes than the split's {self._classes}"
            )
        pixels, labels = augment(pixels, labels, self._settings, draws)
        return normalise(pixels, self._normalisation), torch.from_numpy(labels)

    def __getstate__(self) -> dict[str, object]:
        """The state for worker processes, which open the store again."""
        return {name: value for name, value in vars(self).items() if name != "_labels"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._labels = Labels(self._labels_path)


def batches(
    data: EpochData, settings: TrainingSettings, seed: int, epoch: int, workers: int
) -> DataLoader[tuple[Tensor, Tensor]]:
    """The batches of an epoch in its random order; one of several processes gets its part of each batch.

    Args:
        data: The images.
        settings: `batch` is the size of a batch over all processes.
        seed: Seed of the experiment.
        epoch: Number of the epoch, from 1.
        workers: How many processes read images.

    Raises:
        DataError: There is no image; or there are several processes, and fewer images than one batch.
    """
    order = batch_order(data, settings, seed, epoch)
    rank_order = order[:, rank_slice(order.shape[1])]
    return DataLoader(
        Subset(data, rank_order.ravel().tolist()),
        batch_size=rank_order.shape[1],
        num_workers=workers,
        multiprocessing_context=worker_context(__name__) if workers else None,
        pin_memory=torch.cuda.is_available(),
    )


def batch_order(data: EpochData, settings: TrainingSettings, seed: int, epoch: int) -> NDArray[np.int64]:
    """The images of each batch of an epoch: batches × batch size indices into `data`; see `batches`.

    All batches have the same size. Images that do not fill a batch are left out in this epoch. If there are fewer
    images than `settings.batch`, they make one batch.
    """
    if not len(data):
        raise DataError("the training split has no image")
    if world_size() > 1 and len(data) < settings.batch:
        raise DataError(f"training.gpus: {len(data)} images do not fill a batch of {settings.batch}; set it to 1")
    batch = min(settings.batch, len(data))
    order = shuffled(len(data), settings.shuffle_within, generator(seed, "order", epoch))
    return order[: len(order) // batch * batch].reshape(-1, batch)


def shuffled(count: int, within: int, draws: np.random.Generator) -> NDArray[np.int64]:
    """A random order of images; by default each order is as likely as any other.

    With `within`, images come in runs of RUN that follow one another in the split, the last shorter. The runs are
    shuffled; then as many of them at a time as have `within` images, at least one, are taken, and their images are
    shuffled. So any run is as likely as any other to come first, and images of one run stay within so many places.

    Args:
        count: Number of images.
        within: How many images are shuffled at a time; 0 for all.
        draws: Random draws.

    >>> order = shuffled(1024, 512, np.random.default_rng(0)) // 256  # the run of each image
    >>> [sorted(set(order[:512].tolist())), sorted(set(order[512:].tolist()))]
    [[0, 2], [1, 3]]
    """
    if not within:
        return draws.permutation(count)
    runs = draws.permutation(-(-count // RUN))
    together = max(1, within // RUN)
    parts = []
    for first in range(0, len(runs), together):
        rows = [np.arange(run * RUN, min((run + 1) * RUN, count)) for run in runs[first : first + together]]
        parts.append(draws.permutation(np.concatenate(rows)))
    return np.concatenate([np.zeros(0, np.int64), *parts])


def read_batches(loader: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of a loader; a DataError of a worker keeps its one line, without DataLoader's traceback."""
    try:
        with terminal_signals_blocked():  # the loader may start processes
            iterator = iter(loader)
        yield from iterator
    except DataError as error:
        raise DataError(str(error).rpartition("boxsup.errors.DataError: ")[2].strip()) from error
