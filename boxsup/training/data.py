"""The training images of an epoch in batches, the same whatever the number of workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from boxsup.catalogue.tables import Catalogue, check_ids, read_image
from boxsup.errors import DataError
from boxsup.network.images import IMAGENET, Normalisation, normalised
from boxsup.random import generator
from boxsup.settings import TrainingSettings
from boxsup.store.labels import Labels
from boxsup.training.augmentation import augment


class Epoch(Dataset[tuple[Tensor, Tensor]]):
    """Image i of a catalogue and its labels, augmented as one epoch draws it: 3×S×S float32, S×S int64.

    Attributes:
        ids: The images'.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        labels: Path,
        settings: TrainingSettings,
        seed: int,
        epoch: int,
        normalisation: Normalisation = IMAGENET,
    ) -> None:
        """Look at the images of `catalogue`, normalised, with the label maps of the store `labels`.

        Raises:
            DataError: The store lacks an image.
        """
        self.ids, self._paths = catalogue.ids, list(catalogue.images["path"])
        self._labels_path, self._labels = labels, Labels(labels)
        self._settings, self._seed, self._epoch, self._normalisation = settings, seed, epoch, normalisation
        check_ids(self.ids, list(self._labels), str(labels))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.ids[index]
        draws = generator(self._seed, "augment", self._epoch, image)
        pixels, labels = read_image(self._paths[index]), self._labels[image]
        if pixels.shape[:2] != labels.shape:
            raise DataError(f"{self._paths[index]}: its size is not that of its labels in {self._labels_path}")
        pixels, labels = augment(pixels, labels, self._settings, draws)
        return normalised(pixels, self._normalisation), torch.from_numpy(labels).long()

    def __getstate__(self) -> dict[str, object]:
        """For worker processes: they open the store anew."""
        return {name: value for name, value in vars(self).items() if name != "_labels"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._labels = Labels(self._labels_path)
        cv2.setNumThreads(1)


def batches(
    data: Epoch, settings: TrainingSettings, seed: int, epoch: int, workers: int
) -> DataLoader[tuple[Tensor, Tensor]]:
    """All images once in the epoch's order, in whole batches: what is left over sits this epoch out.

    Fewer images than `settings.batch` make one batch.

    Raises:
        DataError: There is no image.
    """
    if not len(data):
        raise DataError("the training split has no image")
    batch = min(settings.batch, len(data))
    order = generator(seed, "order", epoch).permutation(len(data))
    order = order[: len(order) // batch * batch]
    return DataLoader(
        Subset(data, np.asarray(order).tolist()),
        batch_size=batch,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        pin_memory=torch.cuda.is_available(),
    )


def images_of(loader: DataLoader[tuple[Tensor, Tensor]], batch: int) -> list[str]:
    """The ids of the images in a batch of `batches`, which is numbered from 0."""
    subset, size = loader.dataset, loader.batch_size or 1
    assert isinstance(subset, Subset)
    assert isinstance(subset.dataset, Epoch)
    return [subset.dataset.ids[index] for index in subset.indices[batch * size : (batch + 1) * size]]


def plain_errors(loader: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """The loader's batches; a worker's error in one line, without the traceback that DataLoader wraps it in."""
    try:
        yield from loader
    except DataError as error:
        raise DataError(str(error).rpartition("boxsup.errors.DataError: ")[2].strip()) from error
