"""Stores of label maps: fixed masks, generations of labels, predictions."""

from __future__ import annotations

import contextlib
import html
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from boxsup.errors import StoreError, UnknownImageError
from boxsup.image import VOID
from boxsup.image.files import encode_mask
from boxsup.image.palette import PALETTE
from boxsup.image.showing import html_picture, html_table
from boxsup.near import counted, did_you_mean, first_few, nearest
from boxsup.store.arrays import (
    ColumnWriter,
    Ragged,
    RaggedWriter,
    StackWriter,
    open_array,
    read_array,
    read_part,
    write_array,
)
from boxsup.store.checksums import CHECK_ADVICE
from boxsup.store.groups import atomic_group, image_count, image_ids, open_group
from boxsup.store.limits import check_stack
from boxsup.store.saving import save
from boxsup.store.shards import ImageIndex

KIND = "label maps"
PLAIN, REFINED = "labels", "labels_crf"  # the stacks of a store: predictions have both, before and after the dense CRF
SHOWN = 6  # images in a notebook


def exceeds_classes(labels: NDArray[np.uint8], classes: int) -> bool:
    """Whether a uint8 label map has a label that is neither below the number of classes nor void.

    >>> exceeds_classes(np.array([[0, 2, 255]], np.uint8), classes=2)
    True
    """
    return bool(labels.max(initial=0, where=labels != VOID) >= classes)


class Labels(Mapping[str, NDArray[np.uint8]]):
    """The label maps of a set of images: image id -> H×W uint8, 0 background, 1…C-1 classes, 255 void.

    Each map is read from disk when it is asked for, so memory does not grow with the number of images.

    Attributes:
        path: The store's folder.
        attributes: What the store was made with: settings, seed, versions.
    """

    def __init__(self, path: str | os.PathLike[str], name: str = PLAIN) -> None:
        """Open a store of label maps.

        Args:
            path: The store's folder.
            name: Name of the stack to read, PLAIN or REFINED.

        Raises:
            StoreError: `path` is not a store of label maps, or the store is damaged.
        """
        self.path = Path(path)
        self._group = open_group(self.path, KIND)
        self.attributes: dict[str, Any] = dict(self._group.attrs)
        self._stack, count = open_array(self._group, name, np.uint8), image_count(self._group)
        self._sizes = read_array(self._group, "size", (count, 2), np.int32)
        if self._stack.ndim != 3 or self._stack.shape[0] != count:
            raise StoreError(f"{self.path}: {name} is not a stack of {count} images; {CHECK_ADVICE}")
        self._index = ImageIndex(iter(self))

    def __getitem__(self, image: str) -> NDArray[np.uint8]:
        if image not in self._index:
            ids = list(self)
            hint = did_you_mean(nearest(str(image), ids))
            known = f"its {len(self):,} images are {first_few(ids)}" if ids else "it is empty"
            raise UnknownImageError(f"{self.path}: no image {image!r}{hint or f'; {known}'}")
        row = self._index[image]
        height, width = self._sizes[row]
        return read_part(self._stack, np.s_[row, :height, :width])

    def __contains__(self, image: object) -> bool:
        return image in self._index  # without reading a map

    def __iter__(self) -> Iterator[str]:
        return (image for piece in image_ids(self._group) for image in piece)

    def __len__(self) -> int:
        return len(self._index)

    def save(self, image: str, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write the label map of an image as a PNG with VOC's palette; the value of a pixel is its label.

        Args:
            image: Id of the image.
            path: The file. One that we wrote before is replaced.
            overwrite: Whether to keep a file that is in the way under a dated name, instead of raising an error.

        Raises:
            UnknownImageError: The store has no such image.
            StoreError: A file is in the way that is not ours, or nothing can be written there.
        """
        return save(path, encode_mask(self[image]), overwrite)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes by label, the background first; empty if the store does not record them."""
        return tuple(self.attributes.get("classes") or ())

    def __repr__(self) -> str:
        classes = f", {len(self.classes)} classes" if self.classes else ""
        listed = f": {first_few(list(self), 3)}" if len(self) else ""
        return f"Labels({str(self.path)!r}, {counted(len(self), 'image')}{classes}{listed})"

    def _repr_html_(self) -> str:
        shown = list(self)[:SHOWN]
        pictures = " ".join(html_picture(PALETTE[self[image]], image, side=200) for image in shown)
        return f"<p>{html.escape(repr(self))}</p>{pictures}" + html_table(
            ["label", "class"], [(label, (label, name)) for label, name in enumerate(self.classes)]
        )

    def check_classes(self, classes: Sequence[str]) -> None:
        """Raise a StoreError if the store records the classes of its labels, and they are others."""
        recorded = self.attributes.get("classes")
        if recorded is not None and recorded != list(classes):
            raise StoreError(f"{self.path}: its classes are not those of the split; choose a store of its data set")

    def table(self, name: str) -> NDArray[Any]:
        """Read another array of the store, for instance `chosen` of a generation."""
        return read_array(self._group, name)

    def ragged(self, name: str) -> Ragged:
        """Open an array of the store whose rows are bytes of different lengths."""
        return Ragged(self._group, name, dtype=np.uint8)


class LabelsWriter:
    """Adds label maps to a store, in the order of its images; made by `labels_writer`."""

    def __init__(
        self, group: zarr.Group, images: Sequence[str], sizes: NDArray[np.integer], names: Sequence[str]
    ) -> None:
        self._group, self._images, self._sizes = group, iter(images), sizes
        height, width = (int(side) for side in sizes.max(axis=0)) if len(images) else (1, 1)
        self._stacks = {name: StackWriter(group, name, len(images), height, width, VOID) for name in names}
        self._columns: dict[str, ColumnWriter] = {}
        self._ragged: dict[str, RaggedWriter] = {}
        self._next = 0

    def append(self, image: str, **maps: NDArray[np.uint8]) -> None:
        """Add the maps of the next image.

        Args:
            image: Its id.
            **maps: Name of the stack -> H×W uint8.

        Raises:
            StoreError: The image is not the next one, or a map has another size than the image.
        """
        expected_image = next(self._images, "no more images")
        if image != expected_image:
            raise StoreError(f"expected labels of {expected_image}, got {image}")
        for name, stack in self._stacks.items():
            if maps[name].shape != tuple(self._sizes[self._next]):
                expected, got = "×".join(map(str, self._sizes[self._next])), "×".join(map(str, maps[name].shape))
                raise StoreError(f"labels of {image}: expected {expected} pixels, got {got}")
            stack.append(maps[name])
        self._next += 1

    def table(self, name: str, values: NDArray[Any]) -> None:
        """Add another array to the store."""
        write_array(self._group, name, values)

    def rows(self, name: str, count: int, values: NDArray[Any]) -> None:
        """Add the next rows of an array of `count` rows, so that it is never in memory as a whole."""
        if name not in self._columns:
            self._columns[name] = ColumnWriter(self._group, name, count, values)
        self._columns[name].append(values)

    def ragged(self, name: str, rows: Sequence[NDArray[np.uint8]]) -> None:
        """Add the next rows, of different lengths, of an array of bytes."""
        if name not in self._ragged:
            self._ragged[name] = RaggedWriter(self._group, name, np.uint8)
        for row in rows:
            self._ragged[name].append(row)

    def close(self) -> None:
        """Write what is still in memory; all images and rows must have been added."""
        for column in self._columns.values():
            column.close()
        for rows in self._ragged.values():
            rows.close()
        for stack in self._stacks.values():
            stack.close()


@contextlib.contextmanager
def labels_writer(
    path: str | os.PathLike[str],
    images: Sequence[str],
    sizes: NDArray[np.integer],
    attributes: Mapping[str, Any],
    names: Sequence[str] = (PLAIN,),
) -> Iterator[LabelsWriter]:
    """Write a store of label maps; it appears at `path` when it is whole.

    Args:
        path: The `.zarr` folder to make.
        images: The N image ids, in the order in which they will be added.
        sizes: N×2 (height, width).
        attributes: What the store was made with. Equal runs must have equal attributes, so no time and no host.
        names: Names of the stacks to write.

    Yields:
        The writer to add the maps to.

    Raises:
        DataError: The greatest height times the greatest width is more than a store holds.
    """
    check_stack(images, sizes)
    with atomic_group(path, KIND, images, attributes) as group:
        write_array(group, "size", np.asarray(sizes, np.int32).reshape(-1, 2))
        writer = LabelsWriter(group, images, sizes, names)
        yield writer
        writer.close()
