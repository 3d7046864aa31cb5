"""The catalogue: one table of images, one of boxes, one of classes for a split of a data set."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from boxsup.errors import DataError, StoreError
from boxsup.experiments.splits import TABLES
from boxsup.store.csv import as_written, write_csv

IMAGE_COLUMNS = ("image", "path", "height", "width", "mask", "objects")
# What is opened, by content: of the others that Pillow knows, some call other programs (EPS) or read other files.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAX_PIXELS, MAX_SIDE = 2**25, 2**14  # of an image: 5,800×5,800; a candidate's or a network's memory is of that order
COLOURS = "a pixel's value must be its label, no colour"
LIMIT = f"at most {MAX_PIXELS:,} pixels and {MAX_SIDE:,} a side can be worked with, scale it down"
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
        table = as_written(pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False))
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


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """An image as H×W×3 uint8 RGB in [0, 255], its pixels where they are stored: no EXIF orientation is applied.

    Grey is copied to all channels; transparent pixels show white paper; 16-bit values keep their high byte; CMYK is
    converted without a colour profile. Of several frames the first one counts.

    Raises:
        DataError: The file is missing, truncated or no image, larger than MAX_PIXELS or MAX_SIDE, or
            its values have no known range (32 bits).
    """
    try:
        with _opened(path) as image:
            return _rgb(image)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such image") from error
    except Exception as error:  # of a damaged file, Pillow's decoders raise whatever they stumble over
        raise DataError(f"{path}: not a readable image ({error}); replace the file or take it off the list") from error


def has_16_bits(path: str | os.PathLike[str]) -> bool:
    """Whether an image that `read_image` can read has 16 bits a value, of which the high byte is seen."""
    with _opened(path) as image:
        if image.format == "TIFF":
            return 16 in image.tag_v2.get(258, ())  # type: ignore[attr-defined]
        if image.format == "PNG":  # its header says what Pillow's mode does not, of RGB
            with open(path, "rb") as file:
                return file.read(25)[24:] == b"\x10"
        return image.mode.startswith("I")


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """A file of FORMATS whose size, as its first bytes claim it, is one that can be worked with."""
    if not os.path.isfile(path):  # a pipe would not end
        raise FileNotFoundError
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes that are refused below, and of tags that do not matter
        try:
            image = Image.open(path, formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise ValueError(f"{error}; {LIMIT}") from error
        with image:
            check_size(*image.size)
            yield image


def check_size(width: int, height: int) -> None:
    """Raise a ValueError where pictures of this size, in pixels, are larger than can be worked with."""
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ValueError(f"{width}×{height} pixels (width×height); {LIMIT}")


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of a decoded file of any mode, see `read_image`; raises a ValueError where there is no sense in them.

    Pillow alone clips 16-bit grey in some of its releases, and shows the hidden colours of transparent pixels.
    """
    # Older releases open 16-bit PNGs in the mode of 32-bit files, and all do so with PGMs.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError("32 bits a pixel, whose range is not known; save it with 8 or 16")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), colours).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def read_mask(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """A label map as H×W uint8 from a palette or grey PNG.

    Raises:
        DataError: The file is missing, truncated, of more than MAX_PIXELS, or neither palette nor 8-bit grey.
    """
    try:
        with _opened(path) as image:
            if image.mode not in ("P", "L"):
                raise DataError(
                    f"{path}: expected a mask with a palette or in 8-bit grey, got mode {image.mode}: {COLOURS}"
                )
            return np.asarray(image)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such mask") from error
    except DataError:
        raise
    except Exception as error:  # as above
        raise DataError(f"{path}: not a readable mask ({error})") from error


def corners_of(boxes: pd.DataFrame) -> NDArray[np.int64]:
    """B×4 half-open pixel corners x0, y0, x1, y1 of B rows of the table of boxes."""
    return boxes[["x0", "y0", "x1", "y1"]].to_numpy(np.int64)


def check_ids(ids: Sequence[str], known: Sequence[str], where: str) -> None:
    """Raise a DataError that names the first of `ids` that is not `known` to `where`."""
    missing = sorted(set(ids) - set(known))
    if missing:
        raise DataError(f"{where}: {len(missing)} of the images are missing, the first is {missing[0]}; make it again")
