"""Tables of box × candidate IoU, made once per data set and read at every update."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from boxsup.errors import StoreError
from boxsup.store.arrays import Ragged, RaggedWriter, read_array, write_array
from boxsup.store.checksums import CHECK_ADVICE
from boxsup.store.groups import atomic_group, image_count, open_group
from boxsup.store.shards import Shards

KIND = "overlaps"


class Overlaps(Shards[NDArray[np.float32]]):
    """IoU tables from any number of shards: image id -> B×N float32, one row per box of the image, in its order."""

    def __init__(self, paths: Sequence[str | os.PathLike[str]], ahead: int = 1) -> None:
        """Open the shards.

        Args:
            paths: The stores.
            ahead: How many images are read at once; more is faster if images are asked for in order.

        Raises:
            StoreError: A path is not a store of overlaps, or is damaged, or an image is in two of them.
        """
        super().__init__(paths, KIND, lambda path: _Store(path, ahead))


class _Store:
    """One store of overlaps."""

    def __init__(self, path: Path, ahead: int) -> None:
        group = open_group(path, KIND)
        self._path, self._iou = path, Ragged(group, "iou", ahead, np.float32)
        self._boxes = read_array(group, "boxes", (image_count(group),), np.int32)
        if len(self._iou) != len(self._boxes):
            raise StoreError(f"{path}: its rows do not belong to its {len(self._boxes)} images; {CHECK_ADVICE}")

    def item(self, row: int) -> NDArray[np.float32]:
        values, count = self._iou[row], max(int(self._boxes[row]), 0)
        if len(values) % max(count, 1):
            raise StoreError(
                f"{self._path}: overlaps of image {row}: {len(values)} values are no table of {count} boxes; "
                f"{CHECK_ADVICE}"
            )
        return values.reshape(count, -1) if count else np.zeros((0, 0), np.float32)


class OverlapsWriter:
    """Adds the tables of images, in order; `overlaps_writer` makes it."""

    def __init__(self, group: zarr.Group) -> None:
        self._group = group
        self._iou = RaggedWriter(group, "iou", np.float32)
        self._boxes: list[int] = []

    def append(self, iou: NDArray[np.float32]) -> None:
        """Add the next image's B×N table."""
        self._iou.append(iou)
        self._boxes.append(len(iou))

    def close(self) -> None:
        """Write what is still in memory."""
        self._iou.close()
        write_array(self._group, "boxes", np.asarray(self._boxes, np.int32))


@contextlib.contextmanager
def overlaps_writer(
    path: str | os.PathLike[str], images: Sequence[str], attributes: Mapping[str, Any]
) -> Iterator[OverlapsWriter]:
    """Write a store of overlaps: ragged `iou`, one row per image (B×N in C order), and `boxes`, its number B."""
    with atomic_group(path, KIND, images, attributes) as group:
        writer = OverlapsWriter(group)
        yield writer
        writer.close()
