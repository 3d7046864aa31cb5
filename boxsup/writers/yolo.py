"""Masks as YOLO's segmentation labels: a text file an image, a line an object, `class x1 y1 x2 y2 x3 y3 …`.

Ultralytics documents one ring of corners an object, in shares of the image's width and height. So the parts of a mask
and their holes are joined into one ring by slits (`boxsup.writers.rings`), as Ultralytics' own converter joins the
parts of COCO's objects. Filled by the even-odd rule it is the mask, hole for hole. OpenCV, which Ultralytics trains
with, also draws the ring itself: a slit becomes a line one pixel wide, and borders to the right and below move out by
one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import yaml

from boxsup.store.atomic import write_text
from boxsup.writers.objects import MaskedObject
from boxsup.writers.rings import one_ring, parts_of

DECIMALS = 6  # of shares: a hundredth of a pixel at the largest image that is read


def line(thing: MaskedObject) -> str | None:
    """An object's line, its class the label less one; None for a mask without a pixel, which no polygon is of."""
    parts = parts_of(thing.pixels)
    if not parts:
        return None
    height, width = thing.pixels.shape
    shares = one_ring(parts) / (width, height)
    return " ".join([str(thing.label - 1), *(f"{share:.{DECIMALS}f}" for share in shares.ravel())])


def text(things: Iterable[MaskedObject]) -> str:
    """The labels of an image; empty for one without objects."""
    return "".join(f"{own}\n" for own in map(line, things) if own)


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
