"""Names and paths for people: the shorter form of a path, the first of many names, what a mistyped name may mean."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

MAX_HINTS = 3  # names that a hint lists


def shorter(path: str | os.PathLike[str], home: str | os.PathLike[str] = ".") -> str:
    """The shorter form of an absolute path: as it is, or relative to `home`; a relative path stays as it is.

    >>> shorter("/data/photos/a.jpg", "/data/photos")
    'a.jpg'
    """
    path = os.fspath(path)
    return min(os.path.relpath(path, home), path, key=len) if os.path.isabs(path) else path


def first_few(values: Sequence[object], limit: int = 5) -> str:
    """List the first values, and say how many more there are.

    >>> first_few(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(values) - limit:,} more" if len(values) > limit else ""
    return ", ".join(map(str, values[:limit])) + more


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things; `many` is their plural, if it is not `one` with an s.

    >>> counted(1, "box", "boxes"), counted(2000, "image")
    ('1 box', '2,000 images')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def nearest(name: str, known: Iterable[str], limit: int = MAX_HINTS) -> list[str]:
    """The known names that resemble a name, the most similar first.

    >>> nearest("voc_smei", ["voc_semi", "coco"])
    ['voc_semi']
    """
    return difflib.get_close_matches(name, list(known), n=limit)


def near_paths(path: Path) -> list[Path]:
    """Existing paths that resemble a missing one: the first part that is missing is replaced by similar names there."""
    missing = path
    while not missing.parent.exists() and missing != missing.parent:
        missing = missing.parent
    if missing.exists() or not missing.parent.is_dir():
        return []
    visible = (entry.name for entry in missing.parent.iterdir() if not entry.name.startswith("."))
    names = nearest(missing.name, visible)
    whole = [missing.with_name(name) / path.relative_to(missing) for name in names]
    return [near for near in whole if near.exists()] or [missing.with_name(name) for name in names]


def did_you_mean(names: Iterable[object]) -> str:
    """The question that ends an error message; empty if there are no names.

    >>> did_you_mean(["predict", "paper"])
    '; did you mean predict or paper?'
    """
    listed = [str(name) for name in names]
    return f"; did you mean {' or '.join(listed)}?" if listed else ""
