"""What `boxsup masks` keeps of each image, so that it can be stopped at any time: a JSON, whole or not there."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from boxsup.catalogue.readers.segments import segment
from boxsup.catalogue.records import Box
from boxsup.errors import DataError
from boxsup.labels.box_masks import BoxMask
from boxsup.labels.mask_quality import Measures
from boxsup.store.atomic import write_text
from boxsup.store.checksums import sha256_of


@dataclass(frozen=True)
class BoxPart:
    """A box and what it became.

    Attributes:
        box: As annotated, its label a number of the model's classes.
        mask: Its mask; None for a box that has none: a crowd.
    """

    box: Box
    mask: BoxMask | None


@dataclass(frozen=True)
class ImagePart:
    """An image that is done.

    Attributes:
        image: Its id.
        file: Its file's name below the folder of images.
        height: In pixels.
        width: Likewise.
        boxes: In the order of the annotation.
    """

    image: str
    file: str
    height: int
    width: int
    boxes: list[BoxPart]


def part_key(settings: Mapping[str, Any], path: Path, boxes: Sequence[Box]) -> str:
    """What an image's masks depend on, as one number: settings, the bytes of its file, its boxes."""
    facts = [dict(settings), sha256_of(path), [list(box) for box in boxes]]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def write_part(folder: Path, key: str, part: ImagePart) -> None:
    """Write an image's part; equal parts give equal bytes."""
    content = {
        "key": key,
        "image": part.image,
        "file": part.file,
        "height": part.height,
        "width": part.width,
        "boxes": [{"box": list(each.box), "mask": _plain(each.mask)} for each in part.boxes],
    }
    write_text(_place(folder, part.image), json.dumps(content, separators=(",", ":")) + "\n")


def has_part(folder: Path, image: str, key: str) -> bool:
    """Whether an image is done, with this key."""
    try:
        read_part(folder, image, key)
    except DataError:
        return False
    return True


def read_part(folder: Path, image: str, key: str) -> ImagePart:
    """The part of an image.

    Raises:
        DataError: It is missing, damaged, or has another key.
    """
    path = _place(folder, image)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["key"] != key:
            raise ValueError("made with other settings, boxes or pixels")
        height, width = content["height"], content["width"]
        boxes = [BoxPart(Box(*each["box"]), _mask(each["mask"], height, width)) for each in content["boxes"]]
        return ImagePart(content["image"], content["file"], height, width, boxes)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: cannot be used ({error}); run again to make it anew") from error


def _place(folder: Path, image: str) -> Path:
    return folder / f"{image}.json"


def _plain(mask: BoxMask | None) -> dict[str, Any] | None:
    if mask is None:
        return None
    runs = coco_mask.encode(np.asfortranarray(mask.pixels, np.uint8))
    measures = {name: None if math.isnan(value) else value for name, value in mask.measures._asdict().items()}
    return {"runs": runs["counts"].decode("ascii"), "rectangle": mask.rectangle, "measures": measures}


def _mask(content: dict[str, Any] | None, height: int, width: int) -> BoxMask | None:
    if content is None:
        return None
    measures: dict[str, Any] = {
        name: math.nan if value is None else value for name, value in content["measures"].items()
    }
    pixels: NDArray[np.bool_] = segment({"size": [height, width], "counts": content["runs"]}, height, width)
    return BoxMask(pixels, content["rectangle"], Measures(**measures))
