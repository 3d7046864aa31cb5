"""How the names in annotations are spelled, the same in every format: of classes, and of images below their folder."""

from __future__ import annotations

from pathlib import PurePosixPath

from boxsup.catalogue.records import BACKGROUND


def class_name(value: object) -> str:
    """A class's name without the space around it, a number as its digits; "" for what is no name."""
    if type(value) in (int, float):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def is_background(name: str) -> bool:
    """Whether a class is the background: `background`, LabelMe's `_background_`, Faster R-CNN's `__background__`."""
    return name.strip("_").lower() == BACKGROUND


def plain_path(name: str) -> str:
    r"""A file's name below its folder in one spelling: `./a//b.png` and Windows' `a\b.png` are `a/b.png`."""
    return str(PurePosixPath(name.replace("\\", "/"))) if name else ""
