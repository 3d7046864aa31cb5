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
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import yaml
from numpy.typing import NDArray

from boxsup.store.atomic import write_text
from boxsup.writers.objects import MaskedObject
from boxsup.writers.rings import inset_ring, mask_parts

DECIMALS = 6  # of shares: a hundredth of a pixel at the largest image that is read


def line(thing: MaskedObject) -> str | None:
    """An object's line, its class the label less one; None for a mask without a pixel, which no polygon is of."""
    ring = _ring(thing.pixels)
    return f"{thing.class_id - 1} {ring}" if ring else None


def text(things: Iterable[MaskedObject]) -> str:
    """The labels of an image; empty for one without objects."""
    return "".join(f"{own}\n" for own in map(line, things) if own)


def replace_boxes(content: bytes, masks: Mapping[int, NDArray[np.bool_]]) -> bytes:
    """A file of labels whose boxes are polygons, its lines in their order and its classes' numbers as they stood.

    A box that has no mask becomes the polygon of its corners: Ultralytics reads all lines of a file as polygons if one
    of them is, and drops the polygons of all files if the lines of one are boxes.

    Args:
        content: Of the file. What cannot be read in it stays as it is.
        masks: H×W of the image each, by their lines' places from 0.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return content
    return "".join(f"{_with_polygon(line, masks.get(place))}\n" for place, line in enumerate(lines)).encode()


def data_yaml(classes: Sequence[str], train: str = "images", val: str = "images") -> str:
    """The `data.yaml` that names the classes and the folders of images beside it.

    Args:
        classes: Names by label, the background first.
        train: The folder of training images; labels are looked for where `images` in its path is `labels`.
        val: Likewise, to validate on.
    """
    names = dict(enumerate(classes[1:]))
    return str(yaml.safe_dump({"train": train, "val": val, "names": names}, sort_keys=False, allow_unicode=True))


def write(path: str | os.PathLike[str], things: Iterable[MaskedObject]) -> None:
    """Write the labels of an image whole or not at all."""
    write_text(path, text(things))


def _with_polygon(line: str, mask: NDArray[np.bool_] | None) -> str:
    kind, *shares = line.split() or [""]
    ring = _corners(shares) if mask is None else _ring(mask)
    return f"{kind} {ring}" if ring else line


def _corners(box: Sequence[str]) -> str:
    """The polygon of a box's corners, clockwise; "" if it is no box."""
    try:
        x, y, width, height = map(float, box)
    except ValueError:
        return ""
    x0, y0, x1, y1 = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return _shares((x0, y0, x1, y0, x1, y1, x0, y1)) if math.isfinite(x0 + y0 + x1 + y1) else ""


def _ring(mask: NDArray[np.bool_]) -> str:
    """The polygon of a mask; "" if it has no pixel."""
    parts = mask_parts(mask)
    height, width = mask.shape
    return _shares((inset_ring(parts) / (width, height)).ravel().tolist()) if parts else ""


def _shares(values: Iterable[float]) -> str:
    return " ".join(f"{value:.{DECIMALS}f}" for value in values)
