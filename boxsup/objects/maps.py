"""Stores of object maps: for each box of an image, where in it an object network sees the object."""

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
from boxsup.objects.crops import on_box
from boxsup.store.arrays import Ragged, RaggedWriter, read_array, write_array
from boxsup.store.checksums import CHECK_ADVICE
from boxsup.store.groups import atomic_group, image_count, open_group
from boxsup.store.shards import Shards

KIND = "object maps"
SUREST = 255  # the value of a pixel that is surely the object
SURE = 0.5  # a pixel is the object if its probability is this or more


def to_bytes(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round probabilities to the values that stores hold.

    >>> to_bytes(np.array([0.0, 0.5, 1.0], np.float32))
    array([  0, 128, 255], dtype=uint8)
    """
    return np.rint(probabilities * SUREST).astype(np.uint8)


def map_on_box(own: NDArray[np.uint8], box: NDArray[np.integer]) -> NDArray[np.float32]:
    """How probably each of the h×w pixels of a box is the object by its s×s map, in [0, 1]."""
    return on_box(own / np.float32(SUREST), box)


def object_pixels(own: NDArray[np.uint8], box: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which of the h×w pixels of a box are the object by its s×s map, cut at SURE."""
    return map_on_box(own, box) >= SURE


class ObjectMaps(Shards[NDArray[np.uint8]]):
    """The object maps of the images of any number of stores: image id -> B×size×size uint8, one map per box.

    A map is stretched over its box; 255 is surely the object, 0 surely not. Images that no store has are missing.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]], ahead: int = 1) -> None:
        """Open the stores.

        Args:
            paths: The stores; each image is in one of them.
            ahead: How many images are read at once; more is faster if images are asked for in order.

        Raises:
            StoreError: A path is not a store of object maps, or is damaged, or an image is in two of them.
        """
        super().__init__(paths, KIND, lambda path: _Store(path, ahead))


class _Store:
    """One store of object maps."""

    def __init__(self, path: Path, ahead: int) -> None:
        group = open_group(path, KIND)
        self._path, self._size = path, int(group.attrs["size"])  # type: ignore[arg-type]
        self._maps = Ragged(group, "maps", ahead, np.uint8)
        self._boxes = read_array(group, "boxes", (image_count(group),), np.int32)
        if len(self._maps) != len(self._boxes):
            raise StoreError(f"{path}: its rows do not belong to its {len(self._boxes)} images; {CHECK_ADVICE}")

    def item(self, row: int) -> NDArray[np.uint8]:
        values, count, size = self._maps[row], int(self._boxes[row]), self._size
        if len(values) != count * size * size:
            raise StoreError(f"{self._path}: image {row} has not {count} maps of {size}×{size}; {CHECK_ADVICE}")
        return values.reshape(count, size, size)


class ObjectMapsWriter:
    """Adds the maps of images, in order; `object_maps_writer` makes it."""

    def __init__(self, group: zarr.Group) -> None:
        self._group = group
        self._maps = RaggedWriter(group, "maps", np.uint8)
        self._boxes: list[int] = []

    def append(self, maps: NDArray[np.uint8]) -> None:
        """Add the next image's B×size×size maps."""
        self._maps.append(maps)
        self._boxes.append(len(maps))

    def close(self) -> None:
        """Write what is still in memory."""
        self._maps.close()
        write_array(self._group, "boxes", np.asarray(self._boxes, np.int32))


@contextlib.contextmanager
def object_maps_writer(
    path: str | os.PathLike[str], images: Sequence[str], size: int, attributes: Mapping[str, Any]
) -> Iterator[ObjectMapsWriter]:
    """Write a store of object maps: ragged `maps`, one row per image (B×size×size), and `boxes`, its number B."""
    with atomic_group(path, KIND, images, {**attributes, "size": size}) as group:
        writer = ObjectMapsWriter(group)
        yield writer
        writer.close()
