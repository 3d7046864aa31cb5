"""Masks as VOC's palette PNGs: the label of each pixel, and the number of its object."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.palette import encode_mask
from boxsup.catalogue.readers.segments import draw
from boxsup.catalogue.readers.voc import MASKS, OBJECT_MASKS
from boxsup.masks import Each
from boxsup.store.atomic import creating
from boxsup.writers.objects import MaskedObject


def label_maps(
    height: int, width: int, things: Sequence[MaskedObject]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The H×W uint8 labels of an image, 0 background, 255 crowds; and its objects' numbers from 1, in their order.

    Where objects overlap, the smaller one is seen. More than 254 objects have no numbers: None.
    """
    return draw(height, width, Each(lambda thing: (thing.label, thing.crowd, thing.pixels), things))


def write(folder: str | os.PathLike[str], image: str, height: int, width: int, things: Sequence[MaskedObject]) -> None:
    """Write `SegmentationClass/ID.png` and `SegmentationObject/ID.png`, each whole or not at all."""
    labels, objects = label_maps(height, width, things)
    for name, mask in ((MASKS, labels), (OBJECT_MASKS, objects)):
        if mask is not None:
            write_png(Path(folder, name, f"{image}.png"), mask)


def write_png(path: str | os.PathLike[str], mask: NDArray[np.uint8]) -> None:
    """Write an H×W uint8 label map as a palette PNG, whole or not at all."""
    with creating(path) as partial:
        partial.write_bytes(encode_mask(mask))
