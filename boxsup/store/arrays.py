"""Zarr v3 arrays that hold something of many images: padded stacks and ragged rows, in few files.

Writers take the images in order and keep at most one shard in memory, whatever the number of images.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import ZstdCodec

from boxsup.errors import StoreError
from boxsup.store.atomic import atomic_write
from boxsup.store.checksums import CHECK_ADVICE, missing_files, write_checksums

SHARD_BYTES = 64 * 2**20  # uncompressed; what a writer holds
SHARD_IMAGES = 256
RAGGED_CHUNK_BYTES = 128 * 2**10
MAX_BYTES = 2**28  # of a chunk or a whole array in memory: no store of ours has more, damaged metadata may claim it


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
            compressors=ZstdCodec(level=5, checksum=True),
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
            compressors=ZstdCodec(level=level, checksum=True),
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
        write_array(self._group, f"{self._name}_offsets", offsets)

    def _flush(self) -> None:
        start = self._array.shape[0]
        self._array.resize((start + self._filled,))
        self._array[start:] = self._buffer[: self._filled]
        self._filled = 0


class Ragged:
    """Rows of different lengths, read one at a time, or a few at a time by who asks for them in order.

    A read costs zarr half a millisecond, however little it reads.
    """

    def __init__(self, group: zarr.Group, name: str, ahead: int = 1, dtype: DTypeLike | None = None) -> None:
        """Open the array `name` of a group; a row is read together with the `ahead` - 1 that follow it.

        Raises:
            StoreError: It is missing or damaged, is not of type `dtype`, where that is given, or no rows fit it.
        """
        self._array = open_array(group, name, dtype)
        self._offsets: NDArray[np.int64] = read_array(group, f"{name}_offsets", dtype=np.int64)
        self._ahead, self._most = ahead, MAX_BYTES // self._array.dtype.itemsize
        lengths = np.diff(self._offsets)
        bounds = (0, *self._array.shape)
        fits = self._offsets.ndim == 1 and (*self._offsets[:1], *self._offsets[-1:]) == bounds
        if not fits or (lengths < 0).any() or (lengths > self._most).any():
            raise StoreError(f"{group.store_path}: {name}_offsets are no rows of {name}; {CHECK_ADVICE}")
        self._held = range(0)
        self._values: NDArray[Any] = np.zeros(0)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        if row not in self._held:
            start = int(self._offsets[row])
            fitting = int(np.searchsorted(self._offsets, start + self._most, "right")) - 1
            self._held = range(row, max(row + 1, min(row + self._ahead, len(self), fitting)))
            self._values = read_part(self._array, slice(start, int(self._offsets[self._held.stop])))
        start = int(self._offsets[self._held.start])
        return self._values[self._offsets[row] - start : self._offsets[row + 1] - start]


def create_group(path: Path, attributes: Mapping[str, Any]) -> zarr.Group:
    """A new zarr v3 group with its attributes, written at creation so that no store is ever without them."""
    return zarr.create_group(store=path, zarr_format=3, attributes=dict(attributes))


@contextlib.contextmanager
def atomic_group(
    path: str | os.PathLike[str], kind: str, images: Sequence[str], attributes: Mapping[str, Any]
) -> Iterator[zarr.Group]:
    """Write a store; it appears at `path`, with the checksums of its files, only when it is whole.

    Args:
        path: The `.zarr` folder to make.
        kind: What `open_group` is to expect.
        images: The N image ids, in the order of what the store holds of them.
        attributes: What the store is made with; nothing that differs between equal runs (no time, no host).
    """
    with atomic_write(path) as partial:
        yield create_group(partial, {"kind": kind, **attributes, "images": list(images)})
        write_checksums(partial)


def write_array(group: zarr.Group, name: str, values: NDArray[Any]) -> None:
    """Write a small array whole."""
    group.create_array(name, data=values, compressors=ZstdCodec(level=9, checksum=True))


def open_group(path: Path, kind: str) -> zarr.Group:
    """Open a store of the expected kind for reading.

    Raises:
        StoreError: There is no store at `path`, a file of it is missing, or it is of another kind.
    """
    try:
        group = zarr.open_group(store=path, mode="r", zarr_format=3)
        attributes = dict(group.attrs)
    except Exception as error:  # of damaged metadata, zarr raises whatever it stumbles over
        raise StoreError(f"{path}: not a readable zarr store; build it again with Snakemake") from error
    found = attributes.get("kind")
    if found != kind:
        raise StoreError(f"{path}: expected a store of {kind}, got {found or 'something else'}")
    images = attributes.get("images")
    if not isinstance(images, list) or not all(isinstance(image, str) for image in images):
        raise StoreError(f"{path}: a store without its list of images; {CHECK_ADVICE}")
    missing = missing_files(path)
    if missing:
        raise StoreError(f"{path}: {missing[0]} is missing; {CHECK_ADVICE}")
    return group


def open_array(group: zarr.Group, name: str, dtype: DTypeLike | None = None) -> zarr.Array[Any]:
    """The array `name` of a group, by name: Snakemake's time stamp lies in the folder too and is no array.

    Raises:
        StoreError: There is none, it is not of type `dtype`, where that is given, or its metadata are damaged or claim
            chunks that memory does not hold.
    """
    where = group.store_path
    try:
        found = group[name]
    except KeyError as error:
        raise StoreError(f"{where}: array {name} is missing; {CHECK_ADVICE}") from error
    except Exception as error:  # as above
        raise StoreError(f"{where}: the metadata of array {name} are damaged; {CHECK_ADVICE}") from error
    if not isinstance(found, zarr.Array):
        raise StoreError(f"{where}: {name} is not an array; {CHECK_ADVICE}")
    if dtype is not None and found.dtype != np.dtype(dtype):
        raise StoreError(f"{where}: array {name} is of {found.dtype}, not of {np.dtype(dtype)}; {CHECK_ADVICE}")
    if math.prod(found.chunks) * found.dtype.itemsize > MAX_BYTES:
        raise StoreError(f"{where}: array {name} claims chunks of {'×'.join(map(str, found.chunks))}; {CHECK_ADVICE}")
    return found


def read_part(source: zarr.Array[Any], selection: Any) -> NDArray[Any]:  # noqa: ANN401 - whatever indexes an array
    """A part of an array.

    Raises:
        StoreError: Its chunks are damaged.
    """
    try:
        return np.asarray(source[selection])
    except Exception as error:  # of a damaged chunk, each codec raises what it likes
        raise StoreError(
            f"{source.store_path}: damaged, its chunks cannot be read ({error}); {CHECK_ADVICE}"
        ) from error


def read_array(
    group: zarr.Group, name: str, shape: tuple[int, ...] | None = None, dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """All of an array by name.

    Args:
        group: The store.
        name: Of the array.
        shape: What its shape must be, where that is known.
        dtype: What its type must be, likewise.

    Raises:
        StoreError: It is missing, damaged, not as expected, or claims more than memory holds.
    """
    found = open_array(group, name, dtype)
    if (shape is not None and found.shape != shape) or math.prod(found.shape) * found.dtype.itemsize > MAX_BYTES:
        raise StoreError(
            f"{group.store_path}: array {name} claims {'×'.join(map(str, found.shape))} numbers; {CHECK_ADVICE}"
        )
    return read_part(found, slice(None))
