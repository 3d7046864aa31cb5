"""The split that an export has of its own: the folders `train`, `valid` and `test` of its images."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

FOLDER = re.compile(r"(train|val|test)(?:ing|id|idation)?\d*")  # also `val2017`


class Parts(NamedTuple):
    """Ids of the images that an export evaluates on, and of those that it keeps for tests; none if it has no split."""

    val: frozenset[str] = frozenset()
    test: frozenset[str] = frozenset()


def export_parts(names: Mapping[str, str]) -> Parts:
    """The split that images' folders make, if every image is in one of its parts and some are to train on.

    Args:
        names: Id -> the image's name below the folder of images.
    """
    folders = {image: _part(name) for image, name in names.items()}
    if not {"train", "val"} <= set(folders.values()) <= {"train", "val", "test"}:
        return Parts()
    val, test = (frozenset(image for image, part in folders.items() if part == wanted) for wanted in ("val", "test"))
    return Parts(val, test)


def _part(name: str) -> str:
    """What the first folder that says so is for: train, val or test; "" if none does."""
    matches = (FOLDER.fullmatch(folder.lower()) for folder in PurePosixPath(name).parent.parts)
    return next((match[1] for match in matches if match), "")
