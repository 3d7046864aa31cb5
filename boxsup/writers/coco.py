"""Writes masks as COCO's JSON with `images`, `annotations` and `categories`, which pycocotools loads.

There are two encodings: `rle`, compressed runs, is the exact mask; `polygons` is for tools that show or edit corners.
COCO's polygons have no holes, so each part of a mask becomes a polygon whose holes are joined to its border by slits
(`boxsup.writers.rings`). pycocotools decodes both encodings to the same pixels.

This module writes new files with our numbers. `boxsup.writers.coco_copy` fills masks into a copy of a user's file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from boxsup.image.packed import packed_mask
from boxsup.image.runs import runs_of
from boxsup.store.atomic import write_text
from boxsup.writers.objects import MaskedObject
from boxsup.writers.rings import join_rings, mask_parts

Encoding = Literal["rle", "polygons"]
Json = dict[str, Any]


class ImageEntry(NamedTuple):
    """An image: its id in the file, its name below the folder of images, and its height and width in pixels."""

    number: int
    file: str
    height: int
    width: int


def mask_fields(item: MaskedObject, encoding: Encoding, tight: bool = False) -> Json:
    """The fields of an annotation that depend on its mask.

    >>> import numpy as np
    >>> mask_fields(MaskedObject(1, (0, 0, 2, 1), np.array([[True, True]])), "polygons")
    {'segmentation': [[2, 0, 2, 1, 0, 1, 0, 0]], 'area': 2}

    Args:
        item: The object.
        encoding: How to encode the mask. A crowd is always encoded as runs, which COCO's tools expect of it; so is an
            empty mask, since it has no polygon.
        tight: Whether to include `bbox`, tight around the mask; for an empty mask it is the annotated box.

    Returns:
        `segmentation`, `area` in pixels, `score` if known, and `bbox` if `tight`.
    """
    as_polygons = encoding == "polygons" and not item.crowd
    mask = packed_mask(item)
    polygons = [join_rings([part]).ravel().tolist() for part in mask_parts(mask)] if as_polygons else []
    fields: Json = {"segmentation": polygons or runs_of(mask), "area": mask.area}
    if tight:
        fields["bbox"] = _bbox(mask.box or item.box)
    return fields if item.score is None else {**fields, "score": round(float(item.score), 6)}


def annotation(number: int, image: int, item: MaskedObject, encoding: Encoding, tight: bool = False) -> Json:
    """An object as an entry of `annotations`.

    Args:
        number: Its `id`, from 1, unique in the file.
        image: The id of its image.
        item: The object.
        encoding: See `mask_fields`.
        tight: Whether `bbox` is tight around the mask instead of the annotated box.
    """
    fields = {"id": number, "image_id": image, "category_id": item.class_id, "bbox": _bbox(item.box)}
    return {**fields, "iscrowd": int(item.crowd), **mask_fields(item, encoding, tight)}


def content(images: Iterable[ImageEntry], annotations: Iterable[Json], classes: Sequence[str]) -> Json:
    """The content of the whole file. Category ids are class ids.

    Args:
        images: All images, including those without objects.
        annotations: All annotations, see `annotation`.
        classes: Class names, the background first.
    """
    return {
        "images": [
            {"id": image.number, "file_name": image.file, "height": image.height, "width": image.width}
            for image in images
        ],
        "annotations": list(annotations),
        "categories": [{"id": class_id, "name": name} for class_id, name in enumerate(classes) if class_id],
    }


def write(path: str | os.PathLike[str], file: Json) -> None:
    """Write the JSON, whole or not at all. Equal contents give equal bytes."""
    write_text(path, json.dumps(file, separators=(",", ":")) + "\n")


def _bbox(corners: tuple[int, int, int, int]) -> list[int]:
    """COCO's x, y, width, height."""
    x0, y0, x1, y1 = corners
    return [x0, y0, x1 - x0, y1 - y0]
