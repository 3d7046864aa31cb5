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
from boxsup.store.arrays import Ragged, RaggedWriter, atomic_group, open_group, read_array, write_array
from boxsup.store.checksums import CHECK_ADVICE

KIND = "overlaps"


class Overlaps(Mapping[str, NDArray[np.float32]]):
    """IoU tables from any number of shards: image id -> B×N float32, one row per box of the image, in its order."""

    def __init__(self, paths: Sequence[str | os.PathLike[str]], ahead: int = 1) -> None:
        """Open the shards.

        Args:
            paths: The stores.
            ahead: How many images are read at once; more is faster if images are asked for in order.

        Raises:
            StoreError: A path is not a store of overlaps, or is damaged.
        """
        groups = [open_group(Path(path), KIND) for path in paths]
        counts = [len(group.attrs["images"]) for group in groups]  # type: ignore[arg-type]
        self._shards = [
            (Ragged(group, "iou", ahead, np.float32), read_array(group, "boxes", (count,), np.int32))
            for group, count in zip(groups, counts, strict=True)
        ]
        for path, (iou, boxes) in zip(paths, self._shards, strict=True):
            if len(iou) != len(boxes):
                raise StoreError(f"{path}: its rows do not belong to its {len(boxes)} images; {CHECK_ADVICE}")
        self._index: dict[str, tuple[int, int]] = {
            image: (shard, row)
            for shard, group in enumerate(groups)
            for row, image in enumerate(map(str, group.attrs["images"]))  # type: ignore[arg-type]
        }

    def __getitem__(self, image: str) -> NDArray[np.float32]:
        shard, row = self._index[image]
        iou, boxes = self._shards[shard]
        values, count = iou[row], max(int(boxes[row]), 0)
        if len(values) % max(count, 1):
            raise StoreError(f"overlaps of {image}: {len(values)} values are no table of {count} boxes; {CHECK_ADVICE}")
        return values.reshape(count, -1) if count else np.zeros((0, 0), np.float32)

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


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
