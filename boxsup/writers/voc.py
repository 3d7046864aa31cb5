"""Writes masks as VOC's palette PNGs (class and object number of each pixel), and the files beside them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.readers.segments import draw_masks
from boxsup.catalogue.readers.voc import MASKS, OBJECT_MASKS
from boxsup.image import VOID
from boxsup.image.files import encode_mask
from boxsup.image.packed import packed_mask
from boxsup.image.palette import voc_palette
from boxsup.store.atomic import atomic_write
from boxsup.writers.objects import MaskedObject


def label_maps(
    height: int, width: int, objects: Sequence[MaskedObject]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The H×W uint8 label map of an image (0 background, 255 crowds), and its H×W uint8 object mask.

    Where objects overlap, the smaller one is visible. The object mask is None for more than 254 objects.

    >>> mask = np.array([[True, False]])
    >>> label_maps(1, 2, [MaskedObject(5, (0, 0, 1, 1), mask, number=3)])
    (array([[5, 0]], dtype=uint8), array([[3, 0]], dtype=uint8))
    """
    drawable = [(item.class_id, item.crowd, packed_mask(item)) for item in objects]
    labels, indices = draw_masks(height, width, drawable)
    numbers = [0, *(item.number or index for index, item in enumerate(objects, start=1))]
    if indices is None or max(numbers) >= VOID:
        return labels, None
    values = np.full(VOID + 1, VOID, np.uint8)
    values[: len(numbers)] = numbers
    return labels, values[indices]


def write(folder: str | os.PathLike[str], image: str, height: int, width: int, objects: Sequence[MaskedObject]) -> str:
    """Write `SegmentationClass/ID.png` and `SegmentationObject/ID.png`, each whole or not at all.

    Returns:
        Why there is no object mask, see `label_maps`; "" if there is one.
    """
    labels, numbers = label_maps(height, width, objects)
    write_png(Path(folder, MASKS, f"{image}.png"), labels)
    if numbers is None:
        count = max(len(objects), *(item.number or 0 for item in objects))
        return f"{count} objects, and {OBJECT_MASKS} has values for {VOID - 1}"
    write_png(Path(folder, OBJECT_MASKS, f"{image}.png"), numbers)
    return ""


def write_png(path: str | os.PathLike[str], mask: NDArray[np.uint8]) -> None:
    """Write an H×W uint8 label map as a palette PNG, whole or not at all."""
    with atomic_write(path) as partial:
        partial.write_bytes(encode_mask(mask))


def labelmap(classes: Sequence[str]) -> str:
    """The name and colour of each value of the PNGs, as CVAT's and Datumaro's `labelmap.txt`.

    >>> print(labelmap(["background", "cat"]), end="")
    # label:color_rgb:parts:actions
    background:0,0,0::
    cat:128,0,0::

    Args:
        classes: Class names, the background first.
    """
    lines = ["# label:color_rgb:parts:actions"]
    for name, colour in zip(classes, voc_palette().tolist(), strict=False):
        lines.append(f"{name}:{','.join(map(str, colour))}::")
    return "\n".join(lines) + "\n"
