"""Writes masks as PNGs in the form of Cityscapes: `labelIds` and `instanceIds`, with our own class numbers.

A pixel of `labelIds` (8 bits) is its class, 0 for none. A pixel of `instanceIds` (16 bits) is its class times 1,000
plus the number of its object within the class, from 0. Where masks overlap, the smaller one is in front. Crowds are
void, 255 in both, as in VOC's PNGs: a class would make them true pixels of it.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.image import VOID
from boxsup.image.palette import PALETTE
from boxsup.writers.objects import MaskedObject, in_front

MAX_CLASS = 64  # 16 bits hold 65,535
PER_CLASS = 1000


def label_ids(height: int, width: int, objects: Sequence[MaskedObject]) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """The H×W uint8 `labelIds` and the H×W uint16 `instanceIds` of an image.

    >>> label_ids(1, 2, [MaskedObject(3, (0, 0, 1, 1), np.array([[True, False]]))])
    (array([[3, 0]], dtype=uint8), array([[3000,    0]], dtype=uint16))

    Raises:
        ValueError: There are more than PER_CLASS objects of a class, which the format cannot tell apart.
    """
    seen: Counter[int] = Counter()
    labels, instances = [0], [0]
    for item in objects:
        labels.append(VOID if item.crowd else item.class_id)
        instances.append(VOID if item.crowd else PER_CLASS * item.class_id + seen[item.class_id])
        seen[item.class_id] += not item.crowd
    if seen and max(seen.values()) > PER_CLASS:
        raise ValueError(f"has {max(seen.values()):,} objects of a class, and instanceIds tell {PER_CLASS:,} apart")
    places = in_front(height, width, objects)
    return np.array(labels, np.uint8)[places], np.array(instances, np.uint16)[places]


def png(ids: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """A PNG in grey with 8 or 16 bits."""
    buffer = io.BytesIO()
    Image.fromarray(ids).save(buffer, "PNG")
    return buffer.getvalue()


def label_colors(classes: Sequence[str], void: bool = False) -> str:
    r"""The colour and the name of each class number in order, as Datumaro's `label_colors.txt`.

    >>> label_colors(["background", "cat"])
    '0 0 0 background\n128 0 0 cat\n'

    Args:
        classes: Class names, the background first.
        void: Whether to say what 255 is: in a comment, since lines count class numbers.
    """
    lines = zip(PALETTE[: len(classes)].tolist(), classes, strict=True)
    listed = "".join(f"{red} {green} {blue} {name}\n" for (red, green, blue), name in lines)
    return listed + f"# {VOID} in labelIds and instanceIds: void, which is to be ignored\n" * void
