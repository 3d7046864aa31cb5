"""The catalogue: one table of images, one of boxes, one of classes for a split of a data set."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.errors import DataError, StoreError
from boxsup.experiments.splits import TABLES
from boxsup.store.csv import unescape_texts, write_csv

IMAGE_COLUMNS = ("image", "path", "height", "width", "mask", "objects")
BOX_COLUMNS = ("image", "label", "x0", "y0", "x1", "y1", "difficult", "crowd")
CLASS_COLUMNS = ("label", "name")
TEXTS = ("image", "path", "mask", "objects", "name")  # columns of text; the others hold whole numbers


class ImageRow(NamedTuple):
    """One row of the table of images."""

    image: str
    path: str
    height: int
    width: int
    mask: str
    objects: str


@dataclass(frozen=True)
class Catalogue:
    """A checked split.

    Attributes:
        images: One row an image: `image` id, `path`, `height`, `width` in pixels, `mask` path or "", `objects` path of
            its object mask or "".
        boxes: One row a box: `image` id, `label` 1…C-1, half-open 0-based pixel corners `x0 y0 x1 y1`, `difficult` and
            `crowd` 0 or 1. Boxes of an image stand together, images in the order of `images`.
        classes: Names by label; `classes[0]` is the background.
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
        """The table of images, row by row."""
        return map(ImageRow._make, self.images[list(IMAGE_COLUMNS)].itertuples(index=False, name=None))

    def boxes_of(self, image: str) -> pd.DataFrame:
        """The boxes of one image, in order; none where it has none. The index of the rows is that of `boxes`."""
        return self.boxes.iloc[self._box_rows.get(image, [])]

    @cached_property
    def _box_rows(self) -> dict[str, NDArray[np.intp]]:
        # Positions and no tables: a table an image takes 10 KB, fifty times as much.
        return {str(image): np.asarray(rows) for image, rows in self.boxes.groupby("image", sort=False).indices.items()}

    def shard(self, index: int, count: int) -> Catalogue:
        """Shard `index` (from 0) of `count` runs of neighbours, every image in exactly one."""
        return self.part(self.ids[slice(*shard_bounds(len(self.images), index, count))])

    def part(self, images: Collection[str]) -> Catalogue:
        """The images of these ids alone, in the order of the split."""
        rows, boxes = (table[table["image"].isin(images)].reset_index(drop=True) for table in (self.images, self.boxes))
        return Catalogue(rows, boxes, self.classes)


def shard_bounds(images: int, index: int, count: int) -> tuple[int, int]:
    """Where shard `index` (from 0) of `count` starts and ends in a split of so many images."""
    first, last = np.linspace(0, images, count + 1).astype(int)[index : index + 2]
    return int(first), int(last)


def read_catalogue(folder: str | os.PathLike[str]) -> Catalogue:
    """Read `images.csv`, `boxes.csv` and `classes.csv`.

    Raises:
        StoreError: A table is missing or damaged, or of an older form.
    """
    folder = Path(folder)
    columns = (IMAGE_COLUMNS, BOX_COLUMNS, CLASS_COLUMNS)
    images, boxes, classes = (_read_table(folder / name, own) for name, own in zip(TABLES, columns, strict=True))
    return Catalogue(images, boxes, tuple(classes["name"]))


def _again(path: Path) -> str:
    from boxsup.again import commands_for  # what reads tables need not read configurations

    commands = commands_for([path], "--force")
    return f"make it again: {commands[0]}" if commands else "make it again by Snakemake, or from images and annotations"


def _read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A table with at least these columns: texts, and whole numbers in those that have no text."""
    try:
        table = unescape_texts(pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False))
    except FileNotFoundError as error:
        raise StoreError(f"{path}: no such table; {_again(path)}") from error
    except (OSError, ValueError, OverflowError) as error:  # pandas' own errors are among these
        raise StoreError(f"{path}: not a readable table; {_again(path)}") from error
    for name in columns:
        if name not in table:
            raise StoreError(f"{path}: no column '{name}'; {_again(path)}")
        if name not in TEXTS and len(table) and table[name].dtype != np.int64:
            raise StoreError(f"{path}: column '{name}' must hold whole numbers; {_again(path)}")
    return table


def write_catalogue(folder: str | os.PathLike[str], catalogue: Catalogue) -> None:
    """Write the three tables, each whole or not at all."""
    folder = Path(folder)
    classes = pd.DataFrame({"label": range(len(catalogue.classes)), "name": catalogue.classes})
    tables = {"images": catalogue.images, "boxes": catalogue.boxes, "classes": classes}
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", table)


def corners_of(boxes: pd.DataFrame) -> NDArray[np.int64]:
    """B×4 half-open pixel corners x0, y0, x1, y1 of B rows of the table of boxes."""
    return boxes[["x0", "y0", "x1", "y1"]].to_numpy(np.int64)


def check_ids(ids: Sequence[str], known: Sequence[str], where: str) -> None:
    """Raise a DataError that names the first of `ids` that is not `known` to `where`."""
    missing = sorted(set(ids) - set(known))
    if missing:
        raise DataError(f"{where}: {len(missing)} of the images are missing, the first is {missing[0]}; make it again")
