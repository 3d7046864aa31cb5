"""Masks as VOC's palette PNGs: the label of each pixel, and the number of its object; and what stands beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.readers.segments import draw
from boxsup.catalogue.readers.voc import MASKS, OBJECT_MASKS
from boxsup.image import VOID
from boxsup.image.files import encode_mask
from boxsup.image.packed import LazySequence
from boxsup.image.palette import voc_palette
from boxsup.store.atomic import atomic_write
from boxsup.writers.objects import MaskedObject

SEGMENTED = b"<segmented>1</segmented>"


def label_maps(
    height: int, width: int, things: Sequence[MaskedObject]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The H×W uint8 labels of an image, 0 background, 255 crowds; and its objects' numbers.

    Where objects overlap, the smaller one is seen. More than 254 objects have no numbers: None.
    """
    objects = LazySequence(lambda thing: (thing.label, thing.crowd, thing.pixels), things)
    labels, places = draw(height, width, objects)
    numbers = [0, *(thing.number or place for place, thing in enumerate(things, start=1))]
    if places is None or max(numbers) >= VOID:
        return labels, None
    values = np.full(VOID + 1, VOID, np.uint8)
    values[: len(numbers)] = numbers
    return labels, values[places]


def write(folder: str | os.PathLike[str], image: str, height: int, width: int, things: Sequence[MaskedObject]) -> None:
    """Write `SegmentationClass/ID.png` and `SegmentationObject/ID.png`, each whole or not at all."""
    labels, objects = label_maps(height, width, things)
    for name, mask in ((MASKS, labels), (OBJECT_MASKS, objects)):
        if mask is not None:
            write_png(Path(folder, name, f"{image}.png"), mask)


def write_png(path: str | os.PathLike[str], mask: NDArray[np.uint8]) -> None:
    """Write an H×W uint8 label map as a palette PNG, whole or not at all."""
    with atomic_write(path) as partial:
        partial.write_bytes(encode_mask(mask))


def labelmap(classes: Sequence[str]) -> str:
    """What each value of the PNGs is called and its colour, in the form of CVAT's and Datumaro's `labelmap.txt`.

    Args:
        classes: Names by label, the background first.
    """
    lines = ["# label:color_rgb:parts:actions"]
    for name, colour in zip(classes, voc_palette().tolist(), strict=False):
        lines.append(f"{name}:{','.join(map(str, colour))}::")
    return "\n".join(lines) + "\n"


def segmented(xml: bytes) -> bytes:
    """An annotation that says that its image has masks; else as it was, byte for byte.

    Args:
        xml: Of VOC's form. In UTF-16, which no tool for annotations is known to write, it stays as it is.
    """
    changed, count = re.subn(rb"<segmented\s*/>|<segmented>\s*\w*\s*</segmented>", SEGMENTED, xml, count=1)
    if count:
        return changed
    return re.sub(rb"([ \t]*)(?=<object[\s>])", rb"\g<1>" + SEGMENTED + rb"\n\g<1>", xml, count=1)
