"""Names and paths for people: the short way to one, the first of many, what a mistyped one was meant to be."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

MOST = 3  # names in a hint


def shorter(path: str | os.PathLike[str], home: str | os.PathLike[str] = ".") -> str:
    """An absolute path as it is, or from a folder, whichever is shorter; others are as they are."""
    path = os.fspath(path)
    return min(os.path.relpath(path, home), path, key=len) if os.path.isabs(path) else path


def some(values: Sequence[object], most: int = 5) -> str:
    """`A, B and 3 more`: the first of some values, with how many there are besides."""
    more = f" and {len(values) - most:,} more" if len(values) > most else ""
    return ", ".join(map(str, values[:most])) + more


def nearest(name: str, known: Iterable[str], most: int = MOST) -> list[str]:
    """The known names that are like another one, the likest first."""
    return difflib.get_close_matches(name, list(known), n=most)


def near_paths(path: Path) -> list[Path]:
    """Paths that are there and like one that is not: its first part that is missing is one of its neighbours' names."""
    missing = path
    while not missing.parent.exists() and missing != missing.parent:
        missing = missing.parent
    if missing.exists() or not missing.parent.is_dir():
        return []
    names = nearest(missing.name, (place.name for place in missing.parent.iterdir() if not place.name.startswith(".")))
    found = [missing.with_name(name) / path.relative_to(missing) for name in names]
    return [place for place in found if place.exists()] or [missing.with_name(name) for name in names]


def did_you_mean(names: Iterable[object]) -> str:
    """`; did you mean A or B?`, or nothing where there is no name."""
    listed = [str(name) for name in names]
    return f"; did you mean {' or '.join(listed)}?" if listed else ""
