"""Masks from Python in the forms of other tools: files, COCO's content, supervision's detections."""

from __future__ import annotations

import importlib
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from boxsup.errors import ConfigError, DataError
from boxsup.image import VOID
from boxsup.image.boxes import Corners
from boxsup.image.drawing import object_numbers
from boxsup.image.files import encode_mask
from boxsup.image.packed import LazySequence
from boxsup.image.showing import jpeg_bytes, png_bytes
from boxsup.masking.given_boxes import Label
from boxsup.store.saving import ending_of, save
from boxsup.writers import coco
from boxsup.writers.objects import MaskedObject

UNNAMED = "object"  # the category of boxes without labels
IMAGE_ENDINGS = {".png": "the number of each pixel's object", ".jpg": "the overlay", ".json": "COCO's annotations"}
MASK_ENDINGS = {".png": "the mask, black and white", ".npy": "the mask, H×W bool"}


class Masked(Protocol):
    """A box with its mask; see `boxsup.masking.found.ObjectMask`."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """H×W."""

    @property
    def box(self) -> Corners:
        """Half-open pixel corners."""

    @property
    def label(self) -> Label | None:
        """A name, a number, or nothing."""

    @property
    def score(self) -> float:
        """In [0, 1]."""


@dataclass(frozen=True)
class Detected:
    """The masks of an image.

    Attributes:
        name: The path of the image, or "".
        height: Its height in pixels.
        width: Its width in pixels.
        objects: Its masks.
        classes: Names of classes in the order in which they are numbered.
    """

    name: str
    height: int
    width: int
    objects: Sequence[Masked]
    classes: tuple[str, ...]


def black_and_white(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """255 where a mask is true, else 0.

    >>> black_and_white(np.array([[True, False]]))
    array([[255,   0]], dtype=uint8)
    """
    return np.where(mask, np.uint8(255), np.uint8(0))


def save_mask(path: str | os.PathLike[str], mask: NDArray[np.bool_], overwrite: bool) -> Path:
    """Write the mask of an object; see `boxsup.masking.found.ObjectMask.save`."""
    if ending_of(path, MASK_ENDINGS) == ".png":
        return save(path, png_bytes(black_and_white(mask)), overwrite)
    buffer = io.BytesIO()
    np.save(buffer, mask)
    return save(path, buffer.getvalue(), overwrite)


def save_masks(
    path: str | os.PathLike[str], found: Detected, overlay: Callable[[], NDArray[np.uint8]], overwrite: bool
) -> Path:
    """Write the masks of an image; see `boxsup.masking.found.ImageMasks.save`."""
    ending = ending_of(path, IMAGE_ENDINGS)
    if ending == ".jpg":
        return save(path, jpeg_bytes(overlay()), overwrite)
    if ending == ".json":
        return save(path, (json.dumps(coco_content([found]), separators=(",", ":")) + "\n").encode(), overwrite)
    if len(found.objects) >= VOID:
        raise DataError(f"{path}: {len(found.objects)} objects, and a PNG has values for {VOID - 1}; save as .json")
    masks = LazySequence(lambda item: item.mask, found.objects)
    return save(path, encode_mask(object_numbers(masks, found.height, found.width)), overwrite)


def coco_content(images: Sequence[Detected]) -> dict[str, Any]:
    """The content of COCO's JSON for images; see `boxsup.masking.found.ImageMasks.to_coco`.

    A box whose pixels are all others' is no annotation, as in what `boxsup masks` writes.
    """
    names = _categories(images)
    numbers = {label: number for number, label in names.items()}
    entries, annotations = [], list[coco.Json]()
    for index, image in enumerate(images, start=1):
        file = image.name or f"image_{index}"
        entries.append(coco.ImageEntry(index, file, image.height, image.width))
        for item in image.objects:
            mask = item.mask
            if not mask.any():
                continue
            class_id = item.label if isinstance(item.label, int) else numbers[item.label or UNNAMED]
            masked = MaskedObject(class_id, item.box, mask, item.score)
            annotations.append(coco.annotation(len(annotations) + 1, index, masked, "rle"))
    content = coco.content(entries, annotations, ())
    return content | {"categories": [{"id": number, "name": name} for number, name in names.items()]}


def supervision_detections(found: Detected, masks: NDArray[np.bool_]) -> Any:  # noqa: ANN401 - may not be installed
    """The masks as `supervision.Detections`; see `boxsup.masking.found.ImageMasks.to_supervision`."""
    try:
        supervision = importlib.import_module("supervision")
    except ImportError as error:
        raise ConfigError(f"supervision cannot be imported ({error}); pip install supervision") from error
    kept = np.array([mask.any() for mask in masks], np.bool_)  # as in `coco_content`
    objects = [item for item, keep in zip(found.objects, kept, strict=True) if keep]
    labels = [item.label for item in objects]
    class_ids, data = None, {}
    if labels and None not in labels:
        class_ids = np.array([label if isinstance(label, int) else found.classes.index(str(label)) for label in labels])
        data = {"class_name": np.array([str(label) for label in labels])}
    return supervision.Detections(
        xyxy=np.array([item.box for item in objects], np.float32).reshape(-1, 4),
        mask=masks[kept],
        confidence=np.array([item.score for item in objects], np.float32),
        class_id=class_ids,
        data=data,
    )


def _categories(images: Sequence[Detected]) -> dict[int, str]:
    """The name of each category by its id."""
    labels = [item.label for image in images for item in image.objects]
    whole = sorted({label for label in labels if isinstance(label, int)})
    if whole and len([label for label in labels if isinstance(label, int)]) < len(labels):
        raise DataError("labels: some images have numbers and others names or nothing; label all in one way")
    if whole:
        return {label: str(label) for label in whole}
    names = dict.fromkeys(name for image in images for name in image.classes)
    unnamed = [UNNAMED] if None in labels else []
    return dict(enumerate(dict.fromkeys([*names, *unnamed]), start=1))
