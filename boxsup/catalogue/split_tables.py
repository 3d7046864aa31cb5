"""The tables of a split of any size: a job reads the rows that it needs, and keeps no others.

The tables are the CSV files that people read (`boxsup.catalogue.tables`). Rows are found by where they begin in them
(`boxsup.catalogue.row_starts`), so there are no second tables that could say something else.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.row_starts import BLOCK, header, read_starts
from boxsup.catalogue.tables import (
    COLUMNS,
    IMAGE_COLUMNS,
    Catalogue,
    ImageRow,
    again,
    read_catalogue,
    read_classes,
    read_table,
    shard_bounds,
)
from boxsup.errors import StoreError
from boxsup.experiments.splits import TABLES
from boxsup.store.csv import unescape

PART = 1024  # images that a pass over the split has in memory at once


class SplitTables:
    """The tables of a checked split, which may have millions of images.

    Attributes:
        folder: The folder of the tables.
        classes: Class names; `classes[0]` is the background.
        box_count: The number of boxes.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Open the tables, and find where their rows begin.

        Raises:
            StoreError: A table is missing or damaged.
        """
        self.folder = Path(folder)
        try:
            self._starts = read_starts(self.folder)
            self._headers = [header(self.folder / name) for name in TABLES[:2]]
        except OSError as error:
            path = Path(error.filename or self.folder / TABLES[0])
            why = "no such table" if isinstance(error, FileNotFoundError) else error.strerror or "not a readable table"
            raise StoreError(f"{path}: {why}; {again(path)}") from error
        self.classes = read_classes(self.folder)
        # Tables that somebody wrote with other columns or in another order are read whole.
        self._whole = read_catalogue(self.folder) if self._starts is None else None
        if self._whole is not None:
            self._length, self.box_count = len(self._whole.images), len(self._whole.boxes)
        else:
            self._length, _, self.box_count, _ = self._starts[-1].tolist()  # type: ignore[index] # not whole

    def __len__(self) -> int:
        """The number of images."""
        return self._length

    def part(self, start: int, stop: int) -> Catalogue:
        """The images from `start` up to `stop`, with their boxes, which keep their index in the whole table.

        Raises:
            StoreError: The tables are damaged, or were changed since their rows were found.
        """
        if self._whole is not None:
            images = self._whole.images.iloc[start:stop]
            boxes = self._whole.boxes[self._whole.boxes["image"].isin(images["image"])]
            return Catalogue(images.reset_index(drop=True), boxes, self.classes)
        if start >= stop:
            return self._parsed(0, 0)
        first, last = start // BLOCK, -(-stop // BLOCK)
        found = self._parsed(first, last)
        inner = found.images.iloc[start - first * BLOCK : stop - first * BLOCK].reset_index(drop=True)
        if len(inner) == len(found.images):
            return found
        return Catalogue(inner, found.boxes[found.boxes["image"].isin(inner["image"])], self.classes)

    def parts(self, images: int = PART) -> Iterator[Catalogue]:
        """All images in order, so many at a time."""
        return (self.part(start, min(start + images, len(self))) for start in range(0, len(self), images))

    def shard(self, index: int, count: int) -> Catalogue:
        """Shard `index` (from 0) of `count`; see `Catalogue.shard`. Its boxes are counted from 0."""
        part = self.part(*shard_bounds(len(self), index, count))
        return Catalogue(part.images, part.boxes.reset_index(drop=True), self.classes)

    def subset(self, images: Collection[str]) -> Catalogue:
        """Only the given image ids, in the order of the split; the boxes keep their index in the whole table."""
        wanted, found = set(images), list[tuple[pd.DataFrame, pd.DataFrame]]()
        for start in range(0, len(self), PART):
            stop = min(start + PART, len(self))
            if not wanted.isdisjoint(self.ids[start:stop]):
                part = self.part(start, stop)
                tables = (part.images, part.boxes)
                found.append(tuple(table[table["image"].isin(wanted)] for table in tables))  # type: ignore[arg-type]
        if not found:
            return self.part(0, 0)
        rows, boxes = (pd.concat(tables) for tables in zip(*found, strict=True))
        return Catalogue(rows.reset_index(drop=True), boxes, self.classes)

    def row(self, index: int) -> ImageRow:
        """The row of an image, from 0."""
        if self._whole is not None:
            return next(self.part(index, index + 1).rows())
        first = index // BLOCK
        text = self._bytes(0, first, first + 1).decode(errors="surrogateescape")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        own = next((row for number, row in enumerate(rows) if number == index - first * BLOCK), {})
        try:
            texts = [unescape(own[name]) for name in IMAGE_COLUMNS]
            image, path, height, width, mask, objects = texts
            return ImageRow(image, path, int(height), int(width), mask, objects)
        except (KeyError, ValueError, TypeError) as error:
            raise self._changed(TABLES[0]) from error

    def rows(self) -> Iterator[ImageRow]:
        """The rows of all images, in order."""
        return (row for part in self.parts() for row in part.rows())

    @property
    def ids(self) -> Sequence[str]:
        """Image ids in order; they are read when they are asked for."""
        return _Ids(self)

    @cached_property
    def sizes(self) -> NDArray[np.int32]:
        """N×2 heights and widths."""
        parts = [part.sizes.astype(np.int32) for part in self.parts()]
        return np.concatenate(parts) if parts else np.zeros((0, 2), np.int32)

    def images(self, start: int, stop: int) -> pd.DataFrame:
        """The rows of the table of images from `start` up to `stop`."""
        if self._whole is not None:
            return self._whole.images.iloc[start:stop]
        first, last = start // BLOCK, -(-stop // BLOCK)
        found = read_table(self.folder / TABLES[0], IMAGE_COLUMNS, self._bytes(0, first, last))
        return found.iloc[start - first * BLOCK : stop - first * BLOCK]

    def _parsed(self, first: int, last: int) -> Catalogue:
        """Some blocks of images, with their boxes."""
        assert self._starts is not None
        images, boxes = (
            read_table(self.folder / name, columns, self._bytes(number, first, last))
            for number, (name, columns) in enumerate(COLUMNS.items())
        )
        count, _, box_count, _ = (self._starts[last] - self._starts[first]).tolist()
        boxes.index = pd.RangeIndex(int(self._starts[first, 2]), int(self._starts[first, 2]) + len(boxes))
        known = boxes["image"].isin(images["image"]).all()
        if (len(images), len(boxes)) != (count, box_count) or not known:
            raise self._changed(TABLES[0])
        return Catalogue(images, boxes, self.classes)

    def _bytes(self, table: int, first: int, last: int) -> bytes:
        """The header and some blocks of the table of images (0) or of boxes (1)."""
        assert self._starts is not None
        start, stop = self._starts[[first, last], 2 * table + 1].tolist()
        try:
            with (self.folder / TABLES[table]).open("rb") as file:
                file.seek(start)
                return self._headers[table] + file.read(stop - start)
        except OSError as error:
            raise StoreError(f"{self.folder / TABLES[table]}: no readable table; {again(self.folder)}") from error

    def _changed(self, name: str) -> StoreError:
        path = self.folder / name
        return StoreError(f"{path}: not as it was when its rows were found; {again(path)}")


@dataclass(frozen=True)
class _Ids(Sequence[str]):
    """The ids of a split, read when they are asked for."""

    split: SplitTables

    def __len__(self) -> int:
        return len(self.split)

    def __iter__(self) -> Iterator[str]:
        return (image for start in range(0, len(self), PART) for image in self[start : start + PART])

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        rows = range(len(self))[index]
        if isinstance(rows, int):
            return self.split.row(rows).image
        found: list[str] = self.split.images(rows[0], rows[-1] + 1)["image"].tolist() if rows else []
        return found[:: rows.step]
