"""The items of images in any number of stores, a few of which are open at a time: what each kind of store builds on."""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from boxsup.errors import StoreError
from boxsup.store.groups import image_ids, open_group

OPEN = 4  # stores; jobs follow the order of the split, in which each store has a run of images
AT_ONCE = 2**16  # ids that are hashed at a time
T = TypeVar("T")
Item_co = TypeVar("Item_co", covariant=True)


class ImageIndex:
    """Which row an image has: 12 bytes an image, where a dictionary of ids would take 170.

    An id stands as 64 bits of its hash. Two of a million ids share them once in 37 million times; then `twice`
    says so, as of an id that comes twice.

    >>> index = ImageIndex(["a", "b", "c"])
    >>> len(index), index["c"], "d" in index
    (3, 2, False)
    """

    def __init__(self, ids: Iterable[str]) -> None:
        """Index ids by their place among all."""
        rest, pieces = iter(ids), [b""]
        while piece := b"".join(map(_hash, itertools.islice(rest, AT_ONCE))):
            pieces.append(piece)
        hashes = np.frombuffer(b"".join(pieces), np.uint64)
        self._rows = hashes.argsort(kind="stable").astype(np.int32)
        self._hashes = hashes[self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, image: object) -> bool:
        return isinstance(image, str) and self._place(image) is not None

    def __getitem__(self, image: str) -> int:
        place = self._place(image)
        if place is None:
            raise KeyError(image)
        return int(self._rows[place])

    def _place(self, image: str) -> int | None:
        wanted = np.frombuffer(_hash(image), np.uint64)[0]
        place = int(np.searchsorted(self._hashes, wanted))
        return place if place < len(self._hashes) and self._hashes[place] == wanted else None

    def twice(self) -> tuple[int, int] | None:
        """Two rows of one id; None if all ids differ."""
        same = np.flatnonzero(self._hashes[1:] == self._hashes[:-1])
        return (int(self._rows[same[0]]), int(self._rows[same[0] + 1])) if len(same) else None


def _hash(image: str) -> bytes:
    return hashlib.blake2b(image.encode(errors="surrogatepass"), digest_size=8).digest()


class Store(Protocol[Item_co]):
    """An open store."""

    def item(self, row: int) -> Item_co:
        """Read the item in a row."""


class Shards(Mapping[str, T]):
    """Image id -> its item, read from disk when it is asked for.

    Attributes:
        paths: Folders of the stores.
        attributes: What each store was made with: its attributes, without its images.
    """

    def __init__(
        self, paths: Sequence[str | os.PathLike[str]], kind: str, open_store: Callable[[Path], Store[T]]
    ) -> None:
        """Open each store once, which finds what is damaged.

        Args:
            paths: Folders of the stores.
            kind: The kind that they must be of.
            open_store: Opens one.

        Raises:
            StoreError: A path is no store of this kind, or an image is in two of them.
        """
        self.paths, self._kind = [Path(path) for path in paths], kind
        self._open = functools.lru_cache(OPEN)(lambda number: open_store(self.paths[number]))
        self.attributes: list[dict[str, Any]] = []
        counts = [0]
        self._index = ImageIndex(self._opened_once(counts))
        self._bounds: NDArray[np.int64] = np.cumsum(counts)
        if (twice := self._index.twice()) is not None:
            first, second = (self.paths[self._store_of(row)] for row in twice)
            image = next(itertools.islice(iter(self), twice[1], None))
            raise StoreError(f"{second}: image {image} is in {first} too")

    def _opened_once(self, counts: list[int]) -> Iterator[str]:
        """The ids of each store, as it is opened; their number is appended to `counts`."""
        for number, path in enumerate(self.paths):
            self._open(number)
            group = open_group(path, self._kind)
            self.attributes.append({key: value for key, value in group.attrs.items() if key != "images"})
            counts.append(0)
            for piece in image_ids(group):
                counts[-1] += len(piece)
                yield from piece

    def _store_of(self, row: int) -> int:
        return int(np.searchsorted(self._bounds, row, "right")) - 1

    def __getitem__(self, image: str) -> T:
        row = self._index[image]
        number = self._store_of(row)
        return self._open(number).item(row - int(self._bounds[number]))

    def __contains__(self, image: object) -> bool:
        return image in self._index  # without reading its item

    def __iter__(self) -> Iterator[str]:
        return (image for path in self.paths for piece in image_ids(open_group(path, self._kind)) for image in piece)

    def __len__(self) -> int:
        return len(self._index)
