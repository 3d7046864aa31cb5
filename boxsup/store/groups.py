"""Zarr v3 groups of arrays with one item per image, whole or not there, and the ids of their images."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from boxsup.errors import StoreError
from boxsup.near import did_you_mean, near_paths
from boxsup.store.arrays import RaggedWriter, open_array, read_part
from boxsup.store.atomic import atomic_write
from boxsup.store.checksums import CHECK_ADVICE, missing_files, write_checksums

IDS_IN_ATTRIBUTES = 2**17  # ids of images that a store has in its attributes; of more, they are rows of bytes
IDS_AT_ONCE = 2**16


def create_group(path: Path, attributes: Mapping[str, Any]) -> zarr.Group:
    """Create a zarr v3 group together with its attributes, so that no store is ever without them."""
    return zarr.create_group(store=path, zarr_format=3, attributes=dict(attributes))


@contextlib.contextmanager
def atomic_group(
    path: str | os.PathLike[str], kind: str, images: Sequence[str], attributes: Mapping[str, Any]
) -> Iterator[zarr.Group]:
    """Write a store; it appears at `path` when it is whole, with the checksums of its files.

    Args:
        path: The `.zarr` folder to make.
        kind: The kind of store, which `open_group` checks.
        images: The N image ids, in the order of the store's items.
        attributes: What the store was made with. Equal runs must have equal attributes, so no time and no host.

    Yields:
        The group to write arrays into.
    """
    with atomic_write(path) as partial:
        in_attributes = len(images) <= IDS_IN_ATTRIBUTES
        listed = {"images": list(images)} if in_attributes else {}
        group = create_group(partial, {"kind": kind, **attributes, **listed})
        if not in_attributes:
            ids = RaggedWriter(group, "images", np.uint8)
            for image in images:
                ids.append(np.frombuffer(image.encode(errors="surrogatepass"), np.uint8))
            ids.close()
        yield group
        write_checksums(partial)


def image_count(group: zarr.Group) -> int:
    """The number of a store's images."""
    listed = group.attrs.get("images")
    return len(listed) if isinstance(listed, list) else open_array(group, "images_offsets", np.int64).shape[0] - 1


def image_ids(group: zarr.Group) -> Iterator[list[str]]:
    """The ids of a store's images in order, some at a time.

    Raises:
        StoreError: They are damaged.
    """
    listed = group.attrs.get("images")
    if isinstance(listed, list):
        yield listed
        return
    text, offsets = open_array(group, "images", np.uint8), open_array(group, "images_offsets", np.int64)
    for start in range(0, offsets.shape[0] - 1, IDS_AT_ONCE):
        bounds = read_part(offsets, slice(start, start + IDS_AT_ONCE + 1))
        values = read_part(text, slice(int(bounds[0]), int(bounds[-1]))).tobytes()
        try:
            ends = (bounds - bounds[0]).tolist()
            yield [values[one:other].decode(errors="surrogatepass") for one, other in itertools.pairwise(ends)]
        except UnicodeDecodeError as error:
            raise StoreError(f"{group.store_path}: damaged ids of images; {CHECK_ADVICE}") from error


def open_group(path: Path, kind: str) -> zarr.Group:
    """Open a store of the expected kind for reading.

    Raises:
        StoreError: There is no store at `path`, a file of it is missing, or it is of another kind.
    """
    try:
        group = zarr.open_group(store=path, mode="r", zarr_format=3)
        attributes = dict(group.attrs)
    except Exception as error:  # zarr raises many kinds of errors for damaged metadata
        if not path.exists():
            raise StoreError(f"{path}: no such store{did_you_mean(near_paths(path))}") from error
        raise StoreError(f"{path}: not a readable zarr store; build it again with Snakemake") from error
    actual = attributes.get("kind")
    if actual != kind:
        raise StoreError(f"{path}: expected a store of {kind}, got {actual or 'something else'}")
    images = attributes.get("images")
    in_array = images is None and (path / "images_offsets").is_dir()
    if not in_array and (not isinstance(images, list) or not all(isinstance(image, str) for image in images)):
        raise StoreError(f"{path}: the store has no list of its images; {CHECK_ADVICE}")
    missing = missing_files(path)
    if missing:
        raise StoreError(f"{path}: {missing[0]} is missing; {CHECK_ADVICE}")
    return group
