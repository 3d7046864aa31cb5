"""Finds the split that an export brings along: its image folders `train`, `valid` and `test`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

FOLDER = re.compile(r"(train|val|test)(?:ing|id|idation)?\d*")  # also `val2017`


class Parts(NamedTuple):
    """Ids of an export's validation and test images; empty if it has none, or its folders are no split."""

    val: frozenset[str] = frozenset()
    test: frozenset[str] = frozenset()


def export_parts(names: Mapping[str, str]) -> Parts:
    """The split given by the images' folders, if each image is in a part and there are images for training.

    >>> export_parts({"a": "train/a.jpg", "b": "valid/b.jpg"})
    Parts(val=frozenset({'b'}), test=frozenset())
    >>> export_parts({"a": "train/a.jpg", "b": "test/b.jpg"})
    Parts(val=frozenset(), test=frozenset({'b'}))

    Args:
        names: Image id -> the image's name below the folder of images.
    """
    folders = {image: _part(name) for image, name in names.items()}
    if not {"train"} <= set(folders.values()) <= {"train", "val", "test"}:
        return Parts()
    val, test = (frozenset(image for image, part in folders.items() if part == wanted) for wanted in ("val", "test"))
    return Parts(val, test)


def _part(name: str) -> str:
    """The part that an image belongs to by the first telling folder in its name: train, val, test, or ""."""
    matches = (FOLDER.fullmatch(folder.lower()) for folder in PurePosixPath(name).parent.parts)
    return next((match[1] for match in matches if match), "")
