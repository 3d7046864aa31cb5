"""Stores of candidate pools on disk: one store per shard, read image by image."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from boxsup.errors import StoreError
from boxsup.proposals.pool import Pool
from boxsup.store.arrays import Ragged, RaggedWriter, read_array, write_array
from boxsup.store.checksums import CHECK_ADVICE
from boxsup.store.groups import atomic_group, image_count, open_group
from boxsup.store.limits import check_rows
from boxsup.store.shards import Shards

KIND = "candidate pools"
LEVEL = 15  # of zstd: stores are written once and kept; a tenth smaller than at 9 for 25 ms per image
ROWS = {"superpixels": np.uint16, "members": np.uint8, "scores": np.float32}  # ragged arrays of a store


class Pools(Shards[Pool]):
    """The pools of a set of images: image id -> `Pool`; see `boxsup.store.shards`."""

    def __init__(self, paths: Sequence[str | os.PathLike[str]], ahead: int = 1) -> None:
        """Open the stores of all shards.

        Args:
            paths: Folders of the stores.
            ahead: How many images are read at once; more is faster if images are asked for in order.

        Raises:
            StoreError: A path is not a store of pools, or an image is in two of them.
        """
        super().__init__(paths, KIND, lambda path: _Store(path, ahead))


def find_pool(folders: Iterable[str | os.PathLike[str]], image: str) -> Pool:
    """Find an image's pool in the shards of some folders; opens no more shards than needed. See `find_pools`.

    Raises:
        StoreError: No shard holds the image.
    """
    paths = list(map(Path, folders))
    for _, pool in find_pools(paths, [image]):
        return pool
    raise StoreError(f"{' or '.join(map(str, paths))}: no candidates of {image}; make them again with Snakemake")


def find_pools(folders: Iterable[str | os.PathLike[str]], images: Iterable[str]) -> Iterator[tuple[str, Pool]]:
    """Find the pools of some images in the shards of some folders, opening each shard once, until all are found.

    Shards of two runs that split the images differently may lie side by side: they hold the same pools.

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
    """Return the size of a store on disk, in bytes."""
    return sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())


class _Store:
    """One store of pools, read row by row."""

    def __init__(self, path: Path, ahead: int) -> None:
        self.path = path
        group = open_group(path, KIND)
        count = image_count(group)
        self._sizes = read_array(group, "size", (count, 2), np.int32)
        self._regions = read_array(group, "regions", (count,), np.int32)
        self._rows = {name: Ragged(group, name, ahead, dtype) for name, dtype in ROWS.items()}
        if any(len(rows) != count for rows in self._rows.values()):
            raise StoreError(f"{path}: its rows do not belong to its {count} images; {CHECK_ADVICE}")

    def item(self, row: int) -> Pool:
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
    """Adds pools in the announced order; `pools_writer` makes it."""

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
        """Write what is still in memory; every announced image must have been added."""
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
    """Write a store of pools; it appears at `path` only when it is complete.

    Args:
        path: The `.zarr` folder to make.
        images: The N image ids, in the order in which they will be added.
        sizes: N×2 (height, width).
        attributes: How the pools were made; nothing that differs between equal runs (no time, no host).

    Raises:
        DataError: An image has more pixels than a store holds.
    """
    check_rows(images, sizes, ROWS["superpixels"])
    with atomic_group(path, KIND, images, attributes) as group:
        write_array(group, "size", np.asarray(sizes, np.int32).reshape(-1, 2))
        writer = PoolsWriter(group, images, sizes)
        yield writer
        writer.close()
