"""Finds the images in a folder by the endings of their file names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from boxsup.catalogue.readers.not_ours import ours_below, walk_users_files
from boxsup.errors import DataError

# Endings of images, in upper or lower case. Some browsers save a JPEG as ".jpg_large".
ENDINGS = (
    ".apng", ".bmp", ".dib", ".gif", ".jfif", ".jif", ".jpe", ".jpeg", ".jpg", ".jpg_large", ".pbm", ".pgm", ".pjp",
    ".pjpeg", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
TEXTS = frozenset({".csv", ".html", ".json", ".md", ".names", ".txt", ".xml", ".yaml", ".yml"})  # often beside images


def files_below(folder: Path) -> Iterator[PurePosixPath]:
    """The names of a user's files in a folder and its subfolders, sorted per folder.

    Hidden files are skipped, and so is what boxsup wrote; see `boxsup.catalogue.readers.not_ours`.
    """
    for walked in walk_users_files(folder):
        yield from (walked.below / file for file in walked.files)


def all_names(folder: Path) -> list[str]:
    """The names of all images in a folder and its subfolders, sorted; hidden ones are skipped.

    Raises:
        DataError: There are none.
    """
    names = images_below(folder)
    if not names:
        ours = ours_below(folder)
        left = f"; what boxsup wrote is not read, as in {folder / ours[0]}: name that folder itself" if ours else ""
        raise DataError(f"{folder}: holds no image; their files end in {', '.join(ENDINGS)}{left}")
    return names


def images_below(folder: Path) -> list[str]:
    """Like `all_names`, but possibly empty."""
    return sorted(name.as_posix() for name in files_below(folder) if name.suffix.lower() in ENDINGS)


def other_names(folder: Path) -> list[str]:
    """The names of the files in a folder and its subfolders whose endings are neither of images nor of texts."""
    known = TEXTS.union(ENDINGS)
    return [name.as_posix() for name in files_below(folder) if name.suffix.lower() not in known]
