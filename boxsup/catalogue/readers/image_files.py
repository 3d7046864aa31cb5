"""The images of a folder, by the endings of their files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from boxsup.errors import DataError

# Of images, in any letters; ".jpg_large" is what some browsers make of a JPEG.
ENDINGS = (
    ".apng", ".bmp", ".dib", ".gif", ".jfif", ".jif", ".jpe", ".jpeg", ".jpg", ".jpg_large", ".pbm", ".pgm", ".pjp",
    ".pjpeg", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
TEXTS = frozenset({".csv", ".html", ".json", ".md", ".names", ".txt", ".xml", ".yaml", ".yml"})  # beside images


def files_below(folder: Path) -> Iterator[PurePosixPath]:
    """The names of all files in a folder and below, folders first by name; hidden ones are passed over."""
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = PurePosixPath(Path(path).relative_to(folder))
        yield from (below / file for file in sorted(files) if not file.startswith("."))


def all_names(folder: Path) -> list[str]:
    """The names of all images in a folder and below, sorted; hidden ones are passed over.

    Raises:
        DataError: There is none.
    """
    names = images_below(folder)
    if not names:
        raise DataError(f"{folder}: holds no image; their files end in {', '.join(ENDINGS)}")
    return names


def images_below(folder: Path) -> list[str]:
    """As `all_names`, where there may be none."""
    return sorted(name.as_posix() for name in files_below(folder) if name.suffix.lower() in ENDINGS)


def other_names(folder: Path) -> list[str]:
    """The names of the files in a folder and below that are no images by their endings, and no texts either."""
    passed = TEXTS.union(ENDINGS)
    return [name.as_posix() for name in files_below(folder) if name.suffix.lower() not in passed]
