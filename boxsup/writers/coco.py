"""Masks as COCO's JSON: `images`, `annotations` and `categories`, as pycocotools loads them.

Two encodings: `rle`, compressed runs, are the mask itself; `polygons` are for tools that show or edit corners. A
polygon has no holes in COCO's form: each part of a mask is a polygon of its own, whose holes are joined to its border
by slits (`boxsup.writers.rings`), so that pycocotools makes the same pixels of both encodings.

Annotations in another format become a file with numbers of ours; `boxsup.writers.coco_copy` fills one that is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from boxsup.image.boxes import tight_box
from boxsup.store.atomic import write_text
from boxsup.writers.objects import MaskedObject
from boxsup.writers.rings import join_rings, mask_parts

Encoding = Literal["rle", "polygons"]
Json = dict[str, Any]


class ImageEntry(NamedTuple):
    """An image: its number, its file's name below the folder of images, height and width in pixels."""

    number: int
    file: str
    height: int
    width: int


def mask_fields(thing: MaskedObject, encoding: Encoding, tight: bool = False) -> Json:
    """What an annotation says of its mask.

    Args:
        thing: The object.
        encoding: How its mask is written. A mask without a pixel is always runs: there is no polygon of it.
        tight: Whether the box is given too, tight around the mask; that of an empty mask is as annotated.

    Returns:
        `segmentation`, `area` in pixels, `score` if it is known, and `bbox` if asked for.
    """
    pixels = np.asfortranarray(thing.pixels, np.uint8)
    runs = coco_mask.encode(pixels)
    height, width = (int(side) for side in pixels.shape)
    polygons = (
        [join_rings([part]).ravel().tolist() for part in mask_parts(thing.pixels)] if encoding == "polygons" else []
    )
    fields: Json = {
        "segmentation": polygons or {"size": [height, width], "counts": runs["counts"].decode("ascii")},
        "area": int(thing.pixels.sum()),
    }
    if tight:
        fields["bbox"] = _bbox(tight_box(thing.pixels) or thing.box)
    return fields if thing.score is None else {**fields, "score": round(float(thing.score), 6)}


def annotation(number: int, image: int, thing: MaskedObject, encoding: Encoding, tight: bool = False) -> Json:
    """An object as a record of `annotations`.

    Args:
        number: Its `id`, from 1, each once in the file.
        image: The number of its image.
        thing: The object.
        encoding: See `mask_fields`.
        tight: Whether `bbox` is tight around the mask, in place of the annotated box.
    """
    own = {"id": number, "image_id": image, "category_id": thing.class_id, "bbox": _bbox(thing.box)}
    return {**own, "iscrowd": int(thing.crowd), **mask_fields(thing, encoding, tight)}


def content(images: Iterable[ImageEntry], annotations: Iterable[Json], classes: Sequence[str]) -> Json:
    """The whole file; `category_id` is the label.

    Args:
        images: All images, those without objects too.
        annotations: See `annotation`.
        classes: Names by label, the background first.
    """
    return {
        "images": [
            {"id": image.number, "file_name": image.file, "height": image.height, "width": image.width}
            for image in images
        ],
        "annotations": list(annotations),
        "categories": [{"id": label, "name": name} for label, name in enumerate(classes) if label],
    }


def write(path: str | os.PathLike[str], file: Json) -> None:
    """Write a JSON whole or not at all; equal contents give equal bytes."""
    write_text(path, json.dumps(file, separators=(",", ":")) + "\n")


def _bbox(corners: tuple[int, int, int, int]) -> list[int]:
    """COCO's x, y, width, height."""
    x0, y0, x1, y1 = corners
    return [x0, y0, x1 - x0, y1 - y0]
