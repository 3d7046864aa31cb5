"""Zarr v3 arrays with one item per image, in few files: stacks of padded label maps, and rows of different lengths.

Writers take the images in order, and keep at most one shard in memory.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import ZstdCodec

from boxsup.errors import DataError, StoreError
from boxsup.store.checksums import CHECK_ADVICE
from boxsup.store.limits import MAX_BYTES

SHARD_BYTES = 64 * 2**20  # of the uncompressed shard that a writer holds
SHARD_IMAGES = 256
RAGGED_CHUNK_BYTES = 128 * 2**10


class _RowBuffer:
    """Rows in memory, until there are as many as are written at once."""

    def __init__(self, rows: NDArray[Any], write: Callable[[NDArray[Any]], None]) -> None:
        """Keep rows in `rows`, which `write` gets when it is full."""
        self._rows, self._write, self._filled = rows, write, 0

    def add(self, rows: NDArray[Any]) -> None:
        """Add the next rows."""
        while len(rows):
            part = rows[: len(self._rows) - self._filled]
            self._rows[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            rows = rows[len(part) :]
            if self._filled == len(self._rows):
                self.flush()

    def flush(self) -> None:
        """Write the rows that are there."""
        if self._filled:
            self._write(self._rows[: self._filled])
            self._filled = 0


class _ItemWriter:
    """Writes the N items of an array in order."""

    def __init__(self, array: zarr.Array[Any], at_once: int) -> None:
        """Write to `array`, so many items at once."""
        self._array, self._written = array, 0
        self._buffer = _RowBuffer(np.empty((at_once, *array.shape[1:]), array.dtype), self._write)

    def close(self) -> None:
        """Write the items still in memory; all N must have been added."""
        self._buffer.flush()
        if self._written != self._array.shape[0]:
            raise RuntimeError(f"{self._array.name}: expected {self._array.shape[0]} items, got {self._written}")

    def _write(self, items: NDArray[Any]) -> None:
        self._array[self._written : self._written + len(items)] = items
        self._written += len(items)


class StackWriter(_ItemWriter):
    """Writes N uint8 images of at most H×W as one N×H×W array, one chunk per image, padded at the right and bottom.

    `boxsup.store.limits.check_stack` says whether such an array can be read.
    """

    def __init__(self, group: zarr.Group, name: str, count: int, height: int, width: int, pad: int) -> None:
        per_shard = max(1, min(SHARD_IMAGES, SHARD_BYTES // max(1, height * width), count))
        array = group.create_array(
            name,
            shape=(count, height, width),
            chunks=(1, height, width),
            shards=(per_shard, height, width),
            dtype="uint8",
            fill_value=pad,
            compressors=ZstdCodec(level=5, checksum=True),
        )
        super().__init__(array, per_shard)
        self._item = np.full((1, height, width), pad, np.uint8)
        self._pad = pad

    def append(self, image: NDArray[np.uint8]) -> None:
        """Add the next image, at most H×W uint8."""
        self._item[:] = self._pad
        self._item[0, : image.shape[0], : image.shape[1]] = image
        self._buffer.add(self._item)


class RaggedWriter:
    """Writes N rows of different lengths as one flat array `name`, and their bounds as `name_offsets` (N+1 int64)."""

    def __init__(self, group: zarr.Group, name: str, dtype: DTypeLike, level: int = 9) -> None:
        self._group, self._name, self._dtype = group, name, np.dtype(dtype)
        chunk = RAGGED_CHUNK_BYTES // self._dtype.itemsize
        shard = SHARD_BYTES // RAGGED_CHUNK_BYTES // 2 * chunk
        self._array = group.create_array(
            name,
            shape=(0,),
            chunks=(chunk,),
            shards=(shard,),
            dtype=self._dtype,
            fill_value=0,
            compressors=ZstdCodec(level=level, checksum=True),
        )
        # Only whole shards are written: zarr would read, decode and encode a shard again to add to it.
        self._buffer = _RowBuffer(np.empty(shard, self._dtype), self._write)
        self._offsets = array("q", [0])

    def append(self, row: NDArray[Any]) -> None:
        """Add the next row; arrays of more dimensions are flattened in C order.

        Raises:
            DataError: The row is too long to be read.
        """
        if row.size * self._dtype.itemsize > MAX_BYTES:
            number, images = len(self._offsets) - 1, self._group.attrs.get("images")
            image = images[number] if isinstance(images, list) and number < len(images) else f"image {number + 1:,}"
            raise DataError(
                f"{image}: {row.size:,} numbers of its {self._name}; a store has at most "
                f"{MAX_BYTES // self._dtype.itemsize:,} of an image: cut it, with its boxes, into several"
            )
        rest = np.ascontiguousarray(row, self._dtype).ravel()
        self._offsets.append(self._offsets[-1] + rest.size)
        self._buffer.add(rest)

    def close(self) -> None:
        """Write the rows still in memory, and the offsets."""
        self._buffer.flush()
        offsets = np.fromiter(self._offsets, np.int64, len(self._offsets))  # not of the array's own type, `long long`
        write_array(self._group, f"{self._name}_offsets", offsets)

    def _write(self, values: NDArray[Any]) -> None:
        start = self._array.shape[0]
        self._array.resize((start + len(values),))
        self._array[start:] = values


class Ragged:
    """Reads the rows that a `RaggedWriter` wrote.

    Zarr takes half a millisecond for a read, however short. A reader that takes the rows in order is faster if it reads
    several at a time.
    """

    def __init__(self, group: zarr.Group, name: str, ahead: int = 1, dtype: DTypeLike | None = None) -> None:
        """Open the rows `name` of a group.

        Args:
            group: The store.
            name: Name of the array.
            ahead: How many rows to read at a time: the one that is asked for and those that follow it.
            dtype: The type that the array must have, if given.

        Raises:
            StoreError: The array is missing, damaged or of another type, or its offsets do not fit it.
        """
        self._array = open_array(group, name, dtype)
        self._offsets: NDArray[np.int64] = read_array(group, f"{name}_offsets", dtype=np.int64)
        self._ahead, self._max_length = ahead, MAX_BYTES // self._array.dtype.itemsize
        lengths = np.diff(self._offsets)
        bounds = (0, *self._array.shape)
        fits = self._offsets.ndim == 1 and (*self._offsets[:1], *self._offsets[-1:]) == bounds
        if not fits or (lengths < 0).any() or (lengths > self._max_length).any():
            raise StoreError(f"{group.store_path}: {name}_offsets do not fit {name}; {CHECK_ADVICE}")
        self._rows_read = range(0)
        self._values: NDArray[Any] = np.zeros(0)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        if row not in self._rows_read:
            start = int(self._offsets[row])
            fitting = int(np.searchsorted(self._offsets, start + self._max_length, "right")) - 1
            self._rows_read = range(row, max(row + 1, min(row + self._ahead, len(self), fitting)))
            self._values = read_part(self._array, slice(start, int(self._offsets[self._rows_read.stop])))
        start = int(self._offsets[self._rows_read.start])
        return self._values[self._offsets[row] - start : self._offsets[row + 1] - start]


class ColumnWriter(_ItemWriter):
    """Writes the N rows of a table in order, some at a time: the same bytes as `write_array` of all of them."""

    def __init__(self, group: zarr.Group, name: str, count: int, like: NDArray[Any]) -> None:
        """Begin an array of `count` rows that are like those of `like`."""
        shape = (count, *like.shape[1:])
        compressors = ZstdCodec(level=9, checksum=True)
        array = group.create_array(name, shape=shape, dtype=like.dtype, compressors=compressors)
        super().__init__(array, array.chunks[0])

    def append(self, rows: NDArray[Any]) -> None:
        """Add the next rows."""
        self._buffer.add(rows)


def write_array(group: zarr.Group, name: str, values: NDArray[Any]) -> None:
    """Write a small array in one go."""
    group.create_array(name, data=values, compressors=ZstdCodec(level=9, checksum=True))


def open_array(group: zarr.Group, name: str, dtype: DTypeLike | None = None) -> zarr.Array[Any]:
    """Open an array of a group.

    Args:
        group: The store.
        name: Name of the array; listing the group would fail, since Snakemake's time stamp lies in its folder too.
        dtype: The type that the array must have, if given.

    Raises:
        StoreError: The array is missing, of another type, or its metadata are damaged or claim huge chunks.
    """
    store = group.store_path
    try:
        array = group[name]
    except KeyError as error:
        raise StoreError(f"{store}: array {name} is missing; {CHECK_ADVICE}") from error
    except Exception as error:  # as in `open_group`
        raise StoreError(f"{store}: the metadata of array {name} are damaged; {CHECK_ADVICE}") from error
    if not isinstance(array, zarr.Array):
        raise StoreError(f"{store}: {name} is not an array; {CHECK_ADVICE}")
    if dtype is not None and array.dtype != np.dtype(dtype):
        raise StoreError(f"{store}: array {name} is of {array.dtype}, not of {np.dtype(dtype)}; {CHECK_ADVICE}")
    if math.prod(array.chunks) * array.dtype.itemsize > MAX_BYTES:
        raise StoreError(f"{store}: array {name} claims chunks of {_by(array.chunks)}; {CHECK_ADVICE}")
    return array


def read_part(array: zarr.Array[Any], selection: Any) -> NDArray[Any]:  # noqa: ANN401 - whatever indexes an array
    """Read a part of an array.

    Args:
        array: The array.
        selection: An index or slices, as NumPy takes them.

    Raises:
        StoreError: A chunk is damaged.
    """
    try:
        return np.asarray(array[selection])
    except Exception as error:  # each codec raises its own kinds of errors for damaged chunks
        raise StoreError(f"{array.store_path}: damaged, a chunk cannot be read ({error}); {CHECK_ADVICE}") from error


def read_array(
    group: zarr.Group, name: str, shape: tuple[int, ...] | None = None, dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """Read a whole array of a group.

    Args:
        group: The store.
        name: Name of the array.
        shape: The shape that the array must have, if given.
        dtype: The type that the array must have, if given.

    Raises:
        StoreError: The array is missing, damaged, of another shape or type, or larger than MAX_BYTES.
    """
    array = open_array(group, name, dtype)
    if (shape is not None and array.shape != shape) or math.prod(array.shape) * array.dtype.itemsize > MAX_BYTES:
        raise StoreError(f"{group.store_path}: array {name} claims {_by(array.shape)} numbers; {CHECK_ADVICE}")
    return read_part(array, slice(None))


def _by(shape: tuple[int, ...]) -> str:
    """A shape as text.

    >>> _by((2, 3))
    '2×3'
    """
    return "×".join(map(str, shape))
