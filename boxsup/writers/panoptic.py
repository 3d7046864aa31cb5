"""Writes masks as COCO's panoptic segmentation: one PNG per image, and one JSON that says what its segments are.

The colour of a pixel is the id of its segment, R + 256 G + 256² B; 0 is no segment. As the format has one segment per
pixel, the smaller mask is in front where masks overlap; an object that is wholly covered has no segment. All classes
are things.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.image.boxes import tight_box
from boxsup.image.palette import PALETTE, colour_id
from boxsup.writers.coco import ImageEntry
from boxsup.writers.objects import MaskedObject, in_front, worst_first

SPLIT = "panoptic_train"  # the name of the JSON and of the folder of PNGs
Json = dict[str, Any]


def segments(height: int, width: int, objects: Sequence[MaskedObject]) -> tuple[NDArray[np.uint8], list[Json]]:
    """The H×W×3 uint8 picture of segment ids of an image, and its `segments_info`, the worst score first.

    >>> item = MaskedObject(2, (0, 0, 1, 1), np.array([[True, False]]), score=0.5)
    >>> segments(1, 2, [item])[1]
    [{'id': 1, 'category_id': 2, 'iscrowd': 0, 'bbox': [0, 0, 1, 1], 'area': 1, 'score': 0.5}]
    """
    ordered = worst_first(objects)
    places = in_front(height, width, ordered)
    found = []
    for place, item in enumerate(ordered, start=1):
        visible = places == place
        box = tight_box(visible)
        if box is None:
            continue
        x0, y0, x1, y1 = box
        info: Json = {"id": place, "category_id": item.class_id, "iscrowd": int(item.crowd)}
        info |= {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": int(visible.sum())}
        found.append(info if item.score is None else info | {"score": float(item.score)})
    ids = np.stack([places & 255, places >> 8 & 255, places >> 16 & 255], axis=-1)
    return ids.astype(np.uint8), found


def png(ids: NDArray[np.uint8]) -> bytes:
    """The PNG of an image's segment ids."""
    buffer = io.BytesIO()
    Image.fromarray(ids).save(buffer, "PNG")
    return buffer.getvalue()


def content(images: Iterable[ImageEntry], annotations: Sequence[Json], classes: Sequence[str]) -> Json:
    """The content of the JSON.

    Args:
        images: All images.
        annotations: For each of them `image_id`, `file_name` of its PNG, and `segments_info`.
        classes: Class names, the background first; ids of categories are class ids.
    """
    return {
        "images": [
            {"id": image.number, "file_name": image.file, "height": image.height, "width": image.width}
            for image in images
        ],
        "annotations": list(annotations),
        "categories": [
            {
                "id": number,
                "name": name,
                "supercategory": name,
                "isthing": 1,
                "color": PALETTE[colour_id(number)].tolist(),
            }
            for number, name in enumerate(classes)
            if number
        ],
    }
