"""Writes masks as YOLO's segmentation labels: one text file per image, one line `class x1 y1 x2 y2 …` per object.

Annotations in another format become new label files, whose class numbers are ours. `replace_boxes` fills masks into an
existing label file.

Ultralytics documents one ring of corners per object, as shares of the image's width and height. We therefore join the
parts of a mask and their holes into one ring by slits (`boxsup.writers.rings`), as Ultralytics' own converter does with
COCO's objects. Filled by the even-odd rule, the ring is exactly the mask. OpenCV, which Ultralytics trains with, also
draws the ring itself, so we move the ring a quarter of a pixel into the mask; a slit becomes a line one pixel wide.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

import yaml

from boxsup.catalogue.readers.beside import export_paths, images_place
from boxsup.image.packed import PackedMask, packed_mask
from boxsup.store.atomic import write_text
from boxsup.writers.objects import MaskedObject
from boxsup.writers.rings import inset_ring, mask_parts

Folders = str | Sequence[str]
DECIMALS = 6  # of shares: a hundredth of a pixel in the largest image that we read


def line(item: MaskedObject) -> str | None:
    """An object's line, whose class number is its class id minus one; None for an empty mask, which has no polygon.

    >>> import numpy as np
    >>> line(MaskedObject(1, (0, 0, 1, 1), np.array([[True, False]])))
    '0 0.375000 0.250000 0.375000 0.750000 0.125000 0.750000 0.125000 0.250000'
    """
    ring = _ring(packed_mask(item))
    return f"{item.class_id - 1} {ring}" if ring else None


def text(objects: Iterable[MaskedObject]) -> str:
    """The label file of an image; empty if it has no objects."""
    return "".join(f"{label}\n" for label in map(line, objects) if label)


def replace_boxes(
    content: bytes,
    masks: Mapping[int, PackedMask],
    numbers: Mapping[int, int] | None = None,
    left_out: Collection[int] = (),
) -> bytes:
    r"""Replace the boxes in a label file by polygons. The order of lines stays, and so do class numbers that are right.

    A box without a mask becomes the polygon of its corners, since Ultralytics cannot mix boxes and polygons: it reads
    all lines of a file as polygons if one of them is, and drops the polygons of all files if one file has boxes.

    >>> replace_boxes(b"3 0.5 0.5 1 1", {})
    b'3 0.000000 0.000000 1.000000 0.000000 1.000000 1.000000 0.000000 1.000000\n'

    Args:
        content: Content of the file. Lines that cannot be read stay as they are.
        masks: The mask of each object, by the index of its line, from 0.
        numbers: The class numbers of objects whose class was corrected, by the index of the line.
        left_out: The lines of objects that are none; the copy has no such line.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return content
    polygons = (_with_polygon(line, masks.get(index)) for index, line in enumerate(lines))
    new = numbers or {}
    renamed = (" ".join([str(new[i]), *line.split()[1:]]) if i in new else line for i, line in enumerate(polygons))
    return "".join(f"{line}\n" for i, line in enumerate(renamed) if i not in left_out).encode()


def label_path(image: PurePosixPath) -> PurePosixPath:
    """Where Ultralytics looks for the labels of an image: the last folder `images` of its path is `labels` there.

    >>> label_path(PurePosixPath("images/cam1/images/a.jpg")).as_posix()
    'images/cam1/labels/a.txt'

    Args:
        image: The image's path, which has a folder `images`.
    """
    return export_paths(image.with_suffix(".txt"))[0]


def images_folder(image: PurePosixPath) -> str:
    """The folders of an image's path up to the last one that is called `images`; "" if there is none.

    >>> images_folder(PurePosixPath("train/images/cam1/a.jpg"))
    'train/images'
    """
    return "/".join(image.parent.parts[: images_place(image) + 1])


def data_yaml(classes: Sequence[str], train: Folders = "images", val: Folders = "images") -> str:
    r"""The `data.yaml` with the class names and the folders of images beside it.

    >>> data_yaml(["background", "cat"])
    'train: images\nval: images\nnames:\n  0: cat\n'

    Args:
        classes: Class names, the background first.
        train: The folder of training images, or several. Their labels are in the folder with `labels` for `images` in
            its path, see `label_path`.
        val: The folder of validation images, or several.
    """
    names = dict(enumerate(classes[1:]))
    return str(yaml.safe_dump({"train": train, "val": val, "names": names}, sort_keys=False, allow_unicode=True))


def write(path: str | os.PathLike[str], objects: Iterable[MaskedObject]) -> None:
    """Write the label file of an image, whole or not at all."""
    write_text(path, text(objects))


def _with_polygon(line: str, mask: PackedMask | None) -> str:
    number, *shares = line.split() or [""]
    ring = _corners(shares) if mask is None else _ring(mask)
    return f"{number} {ring}" if ring else line


def _corners(box: Sequence[str]) -> str:
    """The polygon of a box's corners, clockwise; "" if `box` is not a box."""
    try:
        x, y, width, height = map(float, box)
    except ValueError:
        return ""
    x0, y0, x1, y1 = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return _shares((x0, y0, x1, y0, x1, y1, x0, y1)) if math.isfinite(x0 + y0 + x1 + y1) else ""


def _ring(mask: PackedMask) -> str:
    """The polygon of a mask; "" if the mask is empty."""
    parts = mask_parts(mask)
    height, width = mask.shape
    return _shares((inset_ring(parts) / (width, height)).ravel().tolist()) if parts else ""


def _shares(values: Iterable[float]) -> str:
    return " ".join(f"{value:.{DECIMALS}f}" for value in values)
