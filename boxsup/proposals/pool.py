"""The candidate pool of an image, and the stores that hold the pools of many."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from boxsup.errors import DataError, StoreError
from boxsup.machine.compiled import compiled
from boxsup.proposals.regions import raster_order, region_boxes
from boxsup.store.arrays import Ragged, RaggedWriter, atomic_group, open_group, read_array, write_array
from boxsup.store.checksums import CHECK_ADVICE

KIND = "candidate pools"
LEVEL = 15  # of zstd: written once and kept; a tenth smaller than at 9 for 25 ms an image
ROWS = {"superpixels": np.uint16, "members": np.uint8, "scores": np.float32}  # ragged arrays of a store
MAX_REGIONS = 2**16 - 1  # numbers of uint16, less one


@dataclass(frozen=True, eq=False)
class Pool:
    """The N candidate segments of an image, each a set of superpixels.

    Attributes:
        superpixels: H×W uint16 superpixel of each pixel, 0…R-1, every one present, numbered in raster order.
        members: R×ceil(N/8) uint8, a row of bits a superpixel (`numpy.packbits`): the candidates that hold it. Rows of
            superpixels that lie beside each other are much alike: a fifth smaller on disk than rows of candidates.
        scores: N float32, decreasing; only their order has a meaning across methods.
    """

    superpixels: NDArray[np.uint16]
    members: NDArray[np.uint8]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def regions(self) -> int:
        """Number of superpixels, R."""
        return len(self.members)

    @cached_property
    def boxes(self) -> NDArray[np.int32]:
        """N×4: the candidates' tight half-open boxes, pixel corners x0, y0, x1, y1."""
        return tight_boxes(self.matrix(), region_boxes(self.superpixels, self.regions))

    def matrix(self) -> NDArray[np.bool_]:
        """N×R: which superpixels each candidate consists of."""
        columns = np.unpackbits(self.members, axis=1, count=len(self)).view(np.bool_)
        return np.ascontiguousarray(columns.T)

    def mask(self, candidate: int) -> NDArray[np.bool_]:
        """H×W: the pixels of one candidate."""
        row = (self.members[:, candidate >> 3] >> (7 - (candidate & 7))) & 1
        return np.asarray(row.view(np.bool_)[self.superpixels])


def make_pool(superpixels: NDArray[np.integer], matrix: NDArray[np.bool_], scores: NDArray[np.floating]) -> Pool:
    """A pool in its least form: no empty or equal candidates, no superpixels that no candidate separates.

    Args:
        superpixels: H×W superpixel of each pixel, 0…S-1, H and W above 0; numbers may be missing.
        matrix: N×S superpixels of each candidate.
        scores: N scores; the best one of equal candidates counts, ties keep their order.

    Raises:
        DataError: The candidates cut the image into more than 65,535 superpixels.
    """
    present, labels = np.unique(superpixels, return_inverse=True)
    matrix = np.take(matrix, present, axis=1)
    order = np.argsort(-scores, kind="stable")
    order = order[matrix[order].any(axis=1)]
    order = order[distinct_rows(matrix[order])]
    matrix, column = _unique_columns(matrix[order])
    labels = column[labels.reshape(superpixels.shape)]
    regions = matrix.shape[1]
    if regions > MAX_REGIONS:
        raise DataError(
            f"candidates cut the image into {regions:,} superpixels, at most {MAX_REGIONS:,} can be stored; "
            "use fewer candidates or larger regions"
        )
    number = raster_order(labels, regions)
    labels = number[labels]
    matrix = np.take(matrix, np.argsort(number), axis=1)
    return Pool(labels.astype(np.uint16), np.packbits(matrix.T, axis=1), scores[order].astype(np.float32))


def areas(matrix: NDArray[np.bool_], pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sizes of N candidates in pixels, from the N×R superpixels of each and the R sizes of these."""
    return _areas(np.ascontiguousarray(matrix), pixels)


@compiled
def _areas(matrix: NDArray[np.bool_], pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    # NumPy multiplies booleans and integers without BLAS, twenty times slower.
    sums = np.zeros(len(matrix), np.int64)
    for n in range(len(matrix)):
        for r in range(matrix.shape[1]):
            sums[n] += pixels[r] * matrix[n, r]
    return sums


def distinct_rows(matrix: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Indices of the first of each set of equal rows, rising."""
    if not matrix.size:
        return np.arange(min(len(matrix), 1))
    packed = np.packbits(matrix, axis=1)
    rows = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    return np.sort(np.unique(rows, return_index=True)[1])


def tight_boxes(matrix: NDArray[np.bool_], boxes: NDArray[np.int32]) -> NDArray[np.int32]:
    """The tight boxes of candidates from those of their superpixels.

    Args:
        matrix: N×R superpixels of each candidate, none empty.
        boxes: R×4 half-open boxes of the superpixels.

    Returns:
        N×4.
    """
    return _tight_boxes(np.ascontiguousarray(matrix), np.ascontiguousarray(boxes.T))


@compiled
def _tight_boxes(matrix: NDArray[np.bool_], sides: NDArray[np.int32]) -> NDArray[np.int32]:
    tight = np.empty((len(matrix), 4), np.int32)
    for n in range(len(matrix)):
        x0 = y0 = np.int32(2**31 - 1)
        x1 = y1 = np.int32(0)
        for r in range(matrix.shape[1]):
            if matrix[n, r]:
                x0, y0 = min(x0, sides[0, r]), min(y0, sides[1, r])
                x1, y1 = max(x1, sides[2, r]), max(y1, sides[3, r])
        tight[n, 0], tight[n, 1], tight[n, 2], tight[n, 3] = x0, y0, x1, y1
    return tight


def _unique_columns(matrix: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """The distinct columns, and for each column of `matrix` which of them it is."""
    if not len(matrix):
        return matrix[:, :1], np.zeros(matrix.shape[1], np.intp)
    packed = np.ascontiguousarray(np.packbits(matrix, axis=0).T)
    columns = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, inverse = np.unique(columns, return_index=True, return_inverse=True)
    return np.take(matrix, first, axis=1), inverse.reshape(-1)


class Pools(Mapping[str, Pool]):
    """The pools of a set of images: image id -> `Pool`, read from disk when asked for.

    Attributes:
        paths: The stores' folders.
        attributes: What each store was made with: settings, versions, image ids.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]], ahead: int = 1) -> None:
        """Open the stores of all shards; images are read `ahead` at a time, for who asks for them in order.

        Raises:
            StoreError: A path is not a store of pools, or an image is in two of them.
        """
        self.paths = [Path(path) for path in paths]
        self._stores = [_Store(path, ahead) for path in self.paths]
        self.attributes: list[dict[str, Any]] = [store.attributes for store in self._stores]
        self._index: dict[str, tuple[_Store, int]] = {}
        for store in self._stores:
            for row, image in enumerate(store.attributes["images"]):
                if image in self._index:
                    raise StoreError(f"{store.path}: image {image} is in {self._index[image][0].path} too")
                self._index[image] = store, row

    def __getitem__(self, image: str) -> Pool:
        store, row = self._index[image]
        return store.pool(row)

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


def find_pool(folders: Iterable[str | os.PathLike[str]], image: str) -> Pool:
    """An image's pool from the shards in some folders, without opening more of them than needed; see `find_pools`.

    Raises:
        StoreError: No shard holds the image.
    """
    places = list(map(Path, folders))
    for _, pool in find_pools(places, [image]):
        return pool
    raise StoreError(f"{' or '.join(map(str, places))}: no candidates of {image}; make them again with Snakemake")


def find_pools(folders: Iterable[str | os.PathLike[str]], images: Iterable[str]) -> Iterator[tuple[str, Pool]]:
    """The pools of some images from the shards in some folders, each shard opened once, until all are found.

    Shards of two runs with different numbers of them may lie side by side: they hold the same pools.

    Yields:
        Image id and its pool, in the order of the shards; images that no shard holds are left out.
    """
    wanted = dict.fromkeys(images)
    for path in (path for folder in folders for path in sorted(Path(folder).glob("*.zarr"))):
        if not wanted:
            return
        pools = Pools([path])
        for image in [image for image in wanted if image in pools]:
            del wanted[image]
            yield image, pools[image]


def store_bytes(path: str | os.PathLike[str]) -> int:
    """Size of a store on disk, in bytes."""
    return sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())


class _Store:
    """One store of pools, by row."""

    def __init__(self, path: Path, ahead: int) -> None:
        self.path = path
        group = open_group(path, KIND)
        self.attributes: dict[str, Any] = dict(group.attrs)
        count = len(self.attributes["images"])
        self._sizes = read_array(group, "size", (count, 2), np.int32)
        self._regions = read_array(group, "regions", (count,), np.int32)
        self._rows = {name: Ragged(group, name, ahead, dtype) for name, dtype in ROWS.items()}
        if any(len(rows) != count for rows in self._rows.values()):
            raise StoreError(f"{path}: its rows are not those of its {count} images; {CHECK_ADVICE}")

    def pool(self, row: int) -> Pool:
        values = {name: rows[row] for name, rows in self._rows.items()}
        try:
            superpixels = values["superpixels"].reshape(self._sizes[row])
            members = values["members"].reshape(self._regions[row], -(-len(values["scores"]) // 8))
        except ValueError as error:
            raise StoreError(f"{self.path}: the arrays of image {row} do not fit each other; {CHECK_ADVICE}") from error
        if superpixels.max(initial=0) >= max(len(members), 1):
            raise StoreError(f"{self.path}: image {row} has superpixels without members; {CHECK_ADVICE}")
        return Pool(superpixels, members, values["scores"])


class PoolsWriter:
    """Adds pools in the announced order; made by `pools_writer`."""

    def __init__(self, group: zarr.Group, images: Sequence[str], sizes: NDArray[np.integer]) -> None:
        self._group, self._images, self._sizes = group, images, sizes
        self._rows = {name: RaggedWriter(group, name, dtype, LEVEL) for name, dtype in ROWS.items()}
        self._regions: list[int] = []

    def append(self, image: str, pool: Pool) -> None:
        """Add the next image's pool.

        Raises:
            StoreError: The image is not the next one, or the pool has another size than the image.
        """
        row = len(self._regions)
        expected = self._images[row] if row < len(self._images) else "no more"
        if image != expected:
            raise StoreError(f"expected the pool of {expected}, got {image}")
        if pool.superpixels.shape != tuple(self._sizes[row]):
            wanted, got = "×".join(map(str, self._sizes[row])), "×".join(map(str, pool.superpixels.shape))
            raise StoreError(f"pool of {image}: expected {wanted} pixels, got {got}; build the catalogue again")
        for name, rows in self._rows.items():
            rows.append(getattr(pool, name))
        self._regions.append(pool.regions)

    def close(self) -> None:
        """Write what is left; every announced image must have been added."""
        if len(self._regions) != len(self._images):
            raise RuntimeError(f"expected {len(self._images)} pools, got {len(self._regions)}")
        for rows in self._rows.values():
            rows.close()
        write_array(self._group, "regions", np.asarray(self._regions, np.int32))


@contextlib.contextmanager
def pools_writer(
    path: str | os.PathLike[str],
    images: Sequence[str],
    sizes: NDArray[np.integer],
    attributes: Mapping[str, Any],
) -> Iterator[PoolsWriter]:
    """Write a store of pools; it appears at `path` only when it is whole.

    Args:
        path: The `.zarr` folder to make.
        images: The N image ids, in the order in which they will be added.
        sizes: N×2 (height, width).
        attributes: What the store is made with; nothing that differs between equal runs (no time, no host).
    """
    with atomic_group(path, KIND, images, attributes) as group:
        write_array(group, "size", np.asarray(sizes, np.int32).reshape(-1, 2))
        writer = PoolsWriter(group, images, sizes)
        yield writer
        writer.close()
