"""Which images somebody names to evaluate on: a list of names, or a folder of images."""

from __future__ import annotations

import filecmp
import os
import shlex
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from boxsup.catalogue.names import normalised, plain_path
from boxsup.catalogue.readers.image_files import all_names
from boxsup.catalogue.records import read_lines
from boxsup.catalogue.sources import Source
from boxsup.errors import DataError
from boxsup.near import counted
from boxsup.project.survey import Survey


def names_in(val: Path, source: Source) -> list[str]:
    """The names of the images to evaluate on: the lines of a list, or the paths of the images in a folder.

    Raises:
        DataError: There is no such list or folder, or it is empty.
    """
    if val.is_dir():
        return [str(val / name) for name in all_names(val, source.mask_folder)]
    return list(map(plain_path, read_lines(val)))


def evaluated_images(val: Path, names: Sequence[str], source: Source, survey: Survey) -> tuple[Source, set[str]]:
    """The source, with a note on the names that are no usable image, and the ids of the images to evaluate on.

    Args:
        val: The list or the folder.
        names: What it names, see `names_in`.
        source: The annotations.
        survey: The survey of all images.

    Raises:
        DataError: None of the names is a usable image.
    """
    files = {seen.record.image: Path(seen.record.path) for seen in survey.images}
    chosen, missing = named_images(val, names, files, source.images.absolute())
    if not chosen:
        few = f"it names {counted(len(names), 'image')}, none of which can be used"
        raise DataError(f"{val}: {few}{_what_to_do(val, source)}")
    if missing:
        text = f"images of {val} that cannot be used, are not there, or could be several"
        source = replace(source, notes=(*source.notes, f"{text}: {len(missing):,}, such as {missing[0]}"))
    return source, chosen


def named_images(
    val: Path, names: Sequence[str], files: Mapping[str, Path], images: Path
) -> tuple[set[str], list[str]]:
    """Find the images that are named to be evaluated on.

    A line of a list names an image by its path below the folder of images, by its id, or by the end of its path if no
    other image's path ends so; with or without the file's ending. A file in a folder names the image that it is, or of
    which it is a copy with the same name.

    Args:
        val: The list or the folder.
        names: What it names, see `names_in`.
        files: Image id -> its file.
        images: The folder of the images, as an absolute path.

    Returns:
        The ids of the images that were found; and the names that are no image, or could be several.
    """
    find = _OfFolder(files).image_of if val.is_dir() else _OfList(files, images).image_of
    found = [(name, find(name)) for name in names]
    return {image for _, image in found if image is not None}, [name for name, image in found if image is None]


class _OfFolder:
    """Finds the images that lie in a folder, or of which it has copies."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._by_path = {os.path.realpath(file): image for image, file in files.items()}
        self._by_name = defaultdict[str, list[tuple[str, Path]]](list)
        for image, file in files.items():
            self._by_name[normalised(file.name)].append((image, file))

    def image_of(self, path: str) -> str | None:
        """The image that a file is, or is a copy of."""
        image = self._by_path.get(os.path.realpath(path))
        if image is not None:
            return image
        equal = (image for image, file in self._by_name[normalised(Path(path).name)] if filecmp.cmp(file, path, False))
        return _only(list(equal))


class _OfList:
    """Finds the images that lines of a list name."""

    def __init__(self, files: Mapping[str, Path], images: Path) -> None:
        self._exact = {normalised(image): image for image in files}
        self._by_name = defaultdict[str, list[tuple[tuple[str, ...], str]]](list)
        for image, file in files.items():
            whole = PurePosixPath(normalised(file.as_posix()))
            for path in (whole.with_suffix(""), whole):
                self._by_name[path.name].append((path.parts, image))
                self._exact[os.path.relpath(path, normalised(images.as_posix()))] = image

    def image_of(self, line: str) -> str | None:
        """The image that a line names: by its path below the folder of images, its id, or the end of its path."""
        parts = PurePosixPath(normalised(line)).parts
        while parts[:1] == ("..",):  # from where the list was written
            parts = parts[1:]
        ends = [image for path, image in self._by_name[parts[-1]] if path[-len(parts) :] == parts] if parts else []
        return self._exact.get(normalised(line)) or _only(ends)


def _only(images: Collection[str]) -> str | None:
    """The image, if it is one."""
    return next(iter(images)) if len(images) == 1 else None


def _what_to_do(val: Path, source: Source) -> str:
    """What to do about a folder to evaluate on that is not among the images, as the end of a sentence; "" if it is."""
    inside, images, boxes = (Path(os.path.realpath(path)) for path in (val, source.images, source.annotations))
    if not inside.is_dir() or inside.is_relative_to(images):
        return ""
    above = shlex.quote(os.path.relpath(os.path.commonpath([inside, images, boxes])))
    return (
        f": it lies outside of --images; with `--images {above} --boxes {above}` the folders train and valid (val) are "
        "the split, each image with its annotation"
    )
