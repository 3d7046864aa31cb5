"""Finds the images in a folder by the endings of their file names."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from boxsup.catalogue.names import normalised
from boxsup.catalogue.readers.not_ours import ours_below, walk_users_files
from boxsup.errors import DataError

# Endings of images, in upper or lower case. Some browsers save a JPEG as ".jpg_large".
ENDINGS = (
    ".apng", ".bmp", ".dib", ".gif", ".jfif", ".jif", ".jpe", ".jpeg", ".jpg", ".jpg_large", ".pbm", ".pgm", ".pjp",
    ".pjpeg", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
TEXTS = frozenset({".csv", ".html", ".json", ".md", ".names", ".txt", ".xml", ".yaml", ".yml"})  # often beside images
MASK_FOLDERS = frozenset({"masks", "segmentationclass", "segmentationobject"})  # what folders of masks are called


def files_below(folder: Path, masks: Path | None = None) -> Iterator[PurePosixPath]:
    """The names of a user's files in a folder and its subfolders, sorted per folder.

    Hidden files are skipped, and so is what boxsup wrote; see `boxsup.catalogue.readers.not_ours`.

    Args:
        folder: The folder.
        masks: A folder of masks. If it lies below the other one, its files are skipped, too: masks are no photographs.
    """
    inner = _below(folder, masks)
    for walked in walk_users_files(folder):
        if inner is None or not walked.below.is_relative_to(inner):
            yield from (walked.below / file for file in walked.files)


def _below(folder: Path, masks: Path | None) -> PurePosixPath | None:
    """The path of the folder of masks below another one; None if it is not below it, or is the same."""
    path = "." if masks is None else os.path.relpath(os.path.realpath(masks), os.path.realpath(folder))
    return None if path == "." or path.split(os.sep)[0] == ".." else PurePosixPath(path)


def all_names(folder: Path, masks: Path | None = None) -> list[str]:
    """The names of all images in a folder and its subfolders, sorted; hidden ones are skipped.

    Args:
        folder: The folder.
        masks: A folder of masks, see `files_below`.

    Raises:
        DataError: There are none.
    """
    names = images_below(folder, masks)
    if not names:
        ours = ours_below(folder)
        left = f"; what boxsup wrote is not read, as in {folder / ours[0]}: name that folder itself" if ours else ""
        raise DataError(f"{folder}: holds no image; their files end in {', '.join(ENDINGS)}{left}")
    return names


def images_below(folder: Path, masks: Path | None = None) -> list[str]:
    """Like `all_names`, but possibly empty."""
    return sorted(name.as_posix() for name in files_below(folder, masks) if name.suffix.lower() in ENDINGS)


def other_names(folder: Path, masks: Path | None = None) -> list[str]:
    """The names of the files in a folder and its subfolders whose endings are neither of images nor of texts."""
    known = TEXTS.union(ENDINGS)
    return [name.as_posix() for name in files_below(folder, masks) if name.suffix.lower() not in known]


def masks_among(names: Iterable[str]) -> dict[str, int]:
    """Folders that are probably of masks, and the number of their images.

    They are called so (`MASK_FOLDERS`), and each of their images has the name of one in another folder.

    >>> masks_among(["a.jpg", "b.jpg", "masks/a.png"])
    {'masks': 1}

    Args:
        names: The names of images below their folder.
    """
    stems: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for path in map(PurePosixPath, names):
        parts = path.parent.parts
        last = next((place for place, part in enumerate(parts, start=1) if part.lower() in MASK_FOLDERS), 0)
        folder = "/".join(parts[:last])
        counts[folder] += 1
        stems[folder].add(normalised(path.stem).casefold())
    return {folder: count for folder, count in counts.items() if folder and stems[folder] <= stems[""]}
