"""Zarr v3 arrays that hold something of many images: padded stacks and ragged rows, in few files.

Writers take the images in order and keep at most one shard in memory, whatever the number of images.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import ZstdCodec

from boxsup.errors import StoreError

SHARD_BYTES = 64 * 2**20  # uncompressed; what a writer holds
SHARD_IMAGES = 256
RAGGED_CHUNK_BYTES = 128 * 2**10


class StackWriter:
    """Writes N arrays of at most H×W as one N×H×W array, one chunk an image, padded at the right and bottom."""

    def __init__(self, group: zarr.Group, name: str, count: int, height: int, width: int, pad: int) -> None:
        per_shard = max(1, min(SHARD_IMAGES, SHARD_BYTES // max(1, height * width), count))
        self._array = group.create_array(
            name,
            shape=(count, height, width),
            chunks=(1, height, width),
            shards=(per_shard, height, width),
            dtype="uint8",
            fill_value=pad,
            compressors=ZstdCodec(level=5),
        )
        self._pad = pad
        self._buffer: NDArray[np.uint8] = np.full((per_shard, height, width), pad, np.uint8)
        self._filled = 0
        self._written = 0

    def append(self, image: NDArray[np.uint8]) -> None:
        """Add the next image, H×W at most."""
        self._buffer[self._filled, : image.shape[0], : image.shape[1]] = image
        self._filled += 1
        if self._filled == len(self._buffer):
            self._flush()

    def close(self) -> None:
        """Write what is left; every announced image must have been added."""
        self._flush()
        if self._written != self._array.shape[0]:
            raise RuntimeError(f"expected {self._array.shape[0]} images, got {self._written}")

    def _flush(self) -> None:
        if self._filled:
            self._array[self._written : self._written + self._filled] = self._buffer[: self._filled]
            self._written += self._filled
            self._filled = 0
            self._buffer[:] = self._pad


class RaggedWriter:
    """Writes rows of different lengths as one flat array `name` and their bounds `name_offsets` (N+1 int64)."""

    def __init__(self, group: zarr.Group, name: str, dtype: DTypeLike, level: int = 9) -> None:
        self._group, self._name, self._dtype = group, name, np.dtype(dtype)
        chunk = RAGGED_CHUNK_BYTES // self._dtype.itemsize
        self._shard = SHARD_BYTES // RAGGED_CHUNK_BYTES // 2 * chunk
        self._array = group.create_array(
            name,
            shape=(0,),
            chunks=(chunk,),
            shards=(self._shard,),
            dtype=self._dtype,
            fill_value=0,
            compressors=ZstdCodec(level=level),
        )
        self._buffer: NDArray[Any] = np.empty(self._shard, self._dtype)
        self._filled = 0
        self._offsets = [0]

    def append(self, row: NDArray[Any]) -> None:
        """Add the next row; arrays of more dimensions are flattened in C order."""
        rest = np.ascontiguousarray(row, self._dtype).ravel()
        self._offsets.append(self._offsets[-1] + rest.size)
        while rest.size:
            part = rest[: self._shard - self._filled]
            self._buffer[self._filled : self._filled + part.size] = part
            self._filled += part.size
            rest = rest[part.size :]
            # Whole shards only: a shard written twice would be read, decoded and encoded again.
            if self._filled == self._shard:
                self._flush()

    def close(self) -> None:
        """Write what is left and the offsets."""
        self._flush()
        offsets = np.asarray(self._offsets, np.int64)
        self._group.create_array(f"{self._name}_offsets", data=offsets, compressors=ZstdCodec(level=9))

    def _flush(self) -> None:
        start = self._array.shape[0]
        self._array.resize((start + self._filled,))
        self._array[start:] = self._buffer[: self._filled]
        self._filled = 0


class Ragged:
    """Rows of different lengths, read one at a time, or a few at a time by who asks for them in order.

    A read costs zarr half a millisecond, however little it reads.
    """

    def __init__(self, group: zarr.Group, name: str, ahead: int = 1) -> None:
        """Open the array `name` of a group; a row is read together with the `ahead` - 1 that follow it."""
        self._array = array(group, name)
        self._offsets: NDArray[np.int64] = np.asarray(array(group, f"{name}_offsets")[:])
        self._ahead = ahead
        self._held = range(0)
        self._values: NDArray[Any] = np.zeros(0)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        if row not in self._held:
            self._held = range(row, min(row + self._ahead, len(self)))
            self._values = np.asarray(self._array[int(self._offsets[row]) : int(self._offsets[self._held.stop])])
        start = self._offsets[self._held.start]
        return self._values[self._offsets[row] - start : self._offsets[row + 1] - start]


def create_group(path: Path, attributes: Mapping[str, Any]) -> zarr.Group:
    """A new zarr v3 group with its attributes, written at creation so that no store is ever without them."""
    return zarr.create_group(store=path, zarr_format=3, attributes=dict(attributes))


def open_group(path: Path, kind: str) -> zarr.Group:
    """Open a store of the expected kind for reading.

    Raises:
        StoreError: There is no store at `path`, or it is of another kind.
    """
    try:
        group = zarr.open_group(store=path, mode="r", zarr_format=3)
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise StoreError(f"{path}: not a readable zarr store; build it again with Snakemake") from error
    found = group.attrs.get("kind")
    if found != kind:
        raise StoreError(f"{path}: expected a store of {kind}, got {found or 'something else'}")
    return group


def array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """The array `name` of a group, by name: Snakemake's time stamp lies in the folder too and is no array."""
    try:
        found = group[name]
    except KeyError as error:
        raise StoreError(f"{group.store_path}: array {name} is missing; build the store again") from error
    if not isinstance(found, zarr.Array):
        raise StoreError(f"{group.store_path}: {name} is not an array")
    return found
