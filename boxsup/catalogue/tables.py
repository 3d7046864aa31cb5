"""The catalogue of a split: one table of images, one of boxes, one of classes."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.row_starts import write_starts
from boxsup.errors import DataError, StoreError
from boxsup.experiments.splits import TABLES
from boxsup.image.files import read_image, read_mask
from boxsup.store.csv import unescape_texts, write_csv

IMAGE_COLUMNS = ("image", "path", "height", "width", "mask", "objects")
BOX_COLUMNS = ("image", "label", "x0", "y0", "x1", "y1", "difficult", "crowd")
CLASS_COLUMNS = ("label", "name")
COLUMNS = dict(zip(TABLES[:2], (IMAGE_COLUMNS, BOX_COLUMNS), strict=True))
TEXTS = ("image", "path", "mask", "objects", "name")  # text columns; the others hold whole numbers


class ImageRow(NamedTuple):
    """A row of the table of images."""

    image: str
    path: str
    height: int
    width: int
    mask: str
    objects: str

    def photo(self) -> NDArray[np.uint8]:
        """Read the image: H×W×3 uint8 RGB of the height and width in the table; see `boxsup.image.files.read_image`."""
        return read_image(self.path, (self.height, self.width))

    def true_mask(self) -> NDArray[np.uint8]:
        """Read the true mask, H×W uint8; there is one."""
        return read_mask(self.mask, (self.height, self.width))

    def object_mask(self) -> NDArray[np.uint8]:
        """Read the object mask, H×W uint8; there is one."""
        return read_mask(self.objects, (self.height, self.width))


@dataclass(frozen=True)
class Catalogue:
    """A checked split.

    Attributes:
        images: One row per image: `image` id, `path`, `height`, `width` in pixels, `mask` path or "", `objects` path of
            its object mask or "".
        boxes: One row per box: `image` id, `label` (class 1…C-1), half-open 0-based pixel corners `x0 y0 x1 y1`,
            `difficult` and `crowd` 0 or 1. Rows are grouped by image, in the order of `images`.
        classes: Class names; `classes[0]` is the background.
    """

    images: pd.DataFrame
    boxes: pd.DataFrame
    classes: tuple[str, ...]

    @property
    def ids(self) -> list[str]:
        """Image ids in order."""
        return list(self.images["image"])

    @property
    def sizes(self) -> NDArray[np.int64]:
        """N×2 heights and widths."""
        return self.images[["height", "width"]].to_numpy(np.int64)

    def rows(self) -> Iterator[ImageRow]:
        """The rows of the table of images."""
        return map(ImageRow._make, self.images[list(IMAGE_COLUMNS)].itertuples(index=False, name=None))

    def row(self, index: int) -> ImageRow:
        """The row of an image, from 0."""
        return next(Catalogue(self.images.iloc[index : index + 1], self.boxes, self.classes).rows())

    def parts(self) -> Iterator[Catalogue]:
        """All images in order, some at a time; see `boxsup.catalogue.split_tables`, where that matters."""
        yield self

    def boxes_of(self, image: str) -> pd.DataFrame:
        """The rows of `boxes` that belong to one image, with their index; possibly none."""
        return self.boxes.iloc[self._box_rows.get(image, [])]

    @cached_property
    def _box_rows(self) -> dict[str, NDArray[np.intp]]:
        # Row positions instead of a table per image, which would take 10 KB, fifty times as much.
        return {str(image): np.asarray(rows) for image, rows in self.boxes.groupby("image", sort=False).indices.items()}

    def shard(self, index: int, count: int) -> Catalogue:
        """Shard `index` (from 0) of `count`: a run of consecutive images. Each image is in exactly one shard."""
        return self.subset(self.ids[slice(*shard_bounds(len(self.images), index, count))])

    def subset(self, images: Collection[str]) -> Catalogue:
        """Only the given image ids, in the order of the split."""
        rows, boxes = (table[table["image"].isin(images)].reset_index(drop=True) for table in (self.images, self.boxes))
        return Catalogue(rows, boxes, self.classes)


def shard_bounds(images: int, index: int, count: int) -> tuple[int, int]:
    """First image and end of shard `index` (from 0) of `count`.

    >>> [shard_bounds(10, index, 3) for index in range(3)]
    [(0, 3), (3, 6), (6, 10)]
    """
    first, last = np.linspace(0, images, count + 1).astype(int)[index : index + 2]
    return int(first), int(last)


def read_catalogue(folder: str | os.PathLike[str]) -> Catalogue:
    """Read `images.csv`, `boxes.csv` and `classes.csv`.

    Raises:
        StoreError: A table is missing, damaged, or in an older form.
    """
    folder = Path(folder)
    images, boxes = (read_table(folder / name, columns) for name, columns in COLUMNS.items())
    return Catalogue(images, boxes, read_classes(folder))


def read_classes(folder: Path) -> tuple[str, ...]:
    """Read `classes.csv`: the names of the classes, the background first.

    Raises:
        StoreError: The table is missing, damaged, or in an older form.
    """
    return tuple(read_table(folder / TABLES[2], CLASS_COLUMNS)["name"])


def again(path: Path) -> str:
    """What makes a table again, for an error's line."""
    from boxsup.again import commands_for  # readers of tables need not import the configuration

    commands = commands_for([path], "--force")
    return f"make it again: {commands[0]}" if commands else "make it again by Snakemake, or from images and annotations"


def read_table(path: Path, columns: Sequence[str], rows: bytes | None = None) -> pd.DataFrame:
    """A table with at least these columns. Columns other than TEXTS must hold whole numbers.

    Args:
        path: The file.
        columns: Names of the columns.
        rows: The header and some rows of the file, to read these alone; None to read all.

    Raises:
        StoreError: The table is missing, damaged, or in an older form.
    """
    try:
        source = path if rows is None else io.BytesIO(rows)
        table = unescape_texts(pd.read_csv(source, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False))
    except FileNotFoundError as error:
        raise StoreError(f"{path}: no such table; {again(path)}") from error
    except (OSError, ValueError, OverflowError) as error:  # these include pandas' own errors
        raise StoreError(f"{path}: not a readable table; {again(path)}") from error
    for name in columns:
        if name not in table:
            raise StoreError(f"{path}: no column '{name}'; {again(path)}")
        if name not in TEXTS and len(table) and table[name].dtype != np.int64:
            raise StoreError(f"{path}: column '{name}' must hold whole numbers; {again(path)}")
    return table


def write_catalogue(folder: str | os.PathLike[str], catalogue: Catalogue) -> None:
    """Write the three tables, each whole or not at all, and where their rows begin (`boxsup.catalogue.row_starts`)."""
    folder = Path(folder)
    classes = pd.DataFrame({"label": range(len(catalogue.classes)), "name": catalogue.classes})
    tables = {"images": catalogue.images, "boxes": catalogue.boxes, "classes": classes}
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", table)
    write_starts(folder)


def corners_of(boxes: pd.DataFrame) -> NDArray[np.int64]:
    """B×4 half-open pixel corners x0, y0, x1, y1 of B rows of the table of boxes.

    >>> corners_of(pd.DataFrame({"label": [1], "x0": [2], "y0": [3], "x1": [4], "y1": [5]}))
    array([[2, 3, 4, 5]])
    """
    return boxes[["x0", "y0", "x1", "y1"]].to_numpy(np.int64)


class InParts(Protocol):
    """A split, in memory or not: its parts in order, whose boxes have their index in the whole table."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, the background first."""

    def parts(self) -> Iterator[Catalogue]:
        """All images in order, some at a time."""


def boxes_digest(split: InParts) -> str:
    """A hash of the boxes of a split: images, class names and corners, row by row.

    >>> one = Catalogue(pd.DataFrame(), pd.DataFrame([["a", 1, 0, 0, 2, 2, 0, 0]], columns=BOX_COLUMNS), ("-", "cat"))
    >>> boxes_digest(one)[:8]
    '1233d58b'
    """
    columns: list[Callable[[pd.DataFrame], list[Any]]] = [
        lambda boxes: list(boxes["image"]),
        lambda boxes: boxes["label"].tolist(),
        lambda boxes: corners_of(boxes).tolist(),
    ]
    digest = hashlib.sha256()
    for column in columns:  # the JSON of the list of all columns and the classes, without having it in memory
        before = "[" if column is columns[0] else ", "
        texts = (json.dumps(column(part.boxes))[1:-1] for part in split.parts())
        digest.update(f"{before}[".encode())
        for number, text in enumerate(filter(None, texts)):
            digest.update(f"{', ' if number else ''}{text}".encode())
        digest.update(b"]")
    digest.update(f", {json.dumps(split.classes)}]".encode())
    return digest.hexdigest()


def check_ids(ids: Iterable[str], known: Container[str], where: str) -> None:
    """Raise a DataError about `where` if some of `ids` are not among its `known` ids."""
    missing = sorted({image for image in ids if image not in known})
    if missing:
        raise DataError(f"{where}: {len(missing)} of the images are missing, the first is {missing[0]}; make it again")
