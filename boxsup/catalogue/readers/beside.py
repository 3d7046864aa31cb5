"""Matches files to images: a file belongs to the image of its name, whatever the ending."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from boxsup.catalogue.names import normalised
from boxsup.catalogue.readers.image_files import ENDINGS, files_below, images_below, other_names
from boxsup.catalogue.records import Problem, image_problem

# Files that tools leave beside labels and that belong to no image, unless an image is called so: `annotation_files`.
OTHERS = frozenset(
    {"classes.txt", "README.txt", "README.dataset.txt", "README.roboflow.txt", "train.txt", "val.txt", "test.txt"}
)
CLASS_NUMBER = re.compile(r"\s*\d+(\.0*)?\s+\S")  # how a line of a label file begins
MAX_START = 4096  # bytes


def annotation_files(folder: Path, ending: str, images: Path | None = None) -> Iterator[Path]:
    """The files in a folder and its subfolders that may be annotations: those with an ending, in either case.

    Args:
        folder: The folder.
        ending: The ending in lower case.
        images: The folder of images. A file with one of the names in `OTHERS` is an annotation if an image has its
            name and it begins as labels do; without this folder it is none.
    """
    stems: set[str] | None = None
    for name in files_below(folder):
        path = folder / name
        if name.suffix.lower() != ending or not path.is_file():
            continue
        if name.name in OTHERS:
            if is_of_a_tool(path):
                continue
            if stems is None:
                stems = {_stem(image) for image in images_below(images)} if images is not None else set()
            if _stem(name.name) not in stems:
                continue
        yield path


def is_of_a_tool(path: Path) -> bool:
    """Whether a file is one of `OTHERS`, and its first line that is not empty does not begin as a label does.

    An image may be called `test` or `classes`: then `test.txt` may be its labels, and `classes.txt` either.
    """
    if path.name not in OTHERS or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            start = file.read(MAX_START).decode("utf-8-sig", errors="replace")
    except OSError:
        return False  # its image has a problem
    first = next((line for line in start.splitlines() if line.strip()), "")
    return bool(first) and CLASS_NUMBER.match(first) is None


IMAGES, LABELS = "images", "labels"  # sibling folders of an export


def find_file(folder: Path, name: str) -> Path:
    """A file below a folder by its name, or by a name that looks the same (`boxsup.catalogue.names.normalised`)."""
    path = folder / name
    if name.isascii() or os.path.lexists(path):
        return path
    path = folder
    for part in PurePosixPath(name).parts:
        others = sorted(os.listdir(path)) if path.is_dir() and not os.path.lexists(path / part) else []
        path /= next((other for other in others if normalised(other) == normalised(part)), part)
    return path


def export_paths(name: PurePosixPath) -> list[PurePosixPath]:
    """Where an export may keep an image's file: in `labels` beside `images`, as Ultralytics does, or below `labels`.

    >>> [path.as_posix() for path in export_paths(PurePosixPath("train/images/a.txt"))]
    ['train/labels/a.txt', 'labels/train/images/a.txt']
    """
    parts, last = name.parent.parts, images_place(name)
    swapped = [] if last < 0 else [PurePosixPath(*parts[:last], LABELS, *parts[last + 1 :], name.name)]
    return [*swapped, PurePosixPath(LABELS) / name]


def images_place(name: PurePosixPath) -> int:
    """The index of the last folder `images` among the parts of a path; -1 if there is none.

    >>> images_place(PurePosixPath("train/images/a.txt")), images_place(PurePosixPath("a.txt"))
    (1, -1)
    """
    return max((index for index, part in enumerate(name.parent.parts) if part == IMAGES), default=-1)


@dataclass
class Files:
    """The files in a folder and its subfolders that have an ending, looked up by image name.

    Attributes:
        folder: The folder to search.
        ending: The ending in lower case; files may have it in upper case.
        flat: Whether the file of an image in a subfolder may be directly in `folder`.
        images: The folder of images, see `annotation_files`.
    """

    folder: Path
    ending: str
    flat: bool = True
    images: Path | None = None
    _taken: set[Path] = field(default_factory=set)

    def find(self, name: str) -> Path | None:
        """The file of an image, or None: in the image's subfolder, else where exports keep it, else in `folder`.

        Args:
            name: The image's name below the folder of images.
        """
        relative = PurePosixPath(name).with_suffix(self.ending)
        for below in (relative, *export_paths(relative), *[PurePosixPath(relative.name)] * self.flat):
            exact = self.folder / below
            # A broken link counts as found: its image has a problem.
            file = exact if os.path.lexists(exact) else self._by_key.get(_key(below))
            if file is not None and not is_of_a_tool(file):
                self._taken.add(file)
                return file
        return None

    def expected(self, name: str) -> Path:
        """Where the file of an image is, or should be."""
        relative = PurePosixPath(name).with_suffix(self.ending)
        return self.find(name) or self.folder / (relative.name if self.flat else relative)

    def unread(self) -> list[Path]:
        """The files that no call of `find` has returned, in order."""
        return [path for path in self._all() if path not in self._taken]

    def misplaced(self, names: Iterable[str], images: Callable[[], Iterable[str]]) -> dict[str, Path]:
        """Images without a file -> a file of their name in another folder, or with other capitals.

        Args:
            names: The names of the images.
            images: Returns the names of all images: the file of another image is not misplaced.
        """
        without: dict[str, list[str]] = defaultdict(list)
        for name in names:
            if self.find(name) is None:
                without[_stem(name)].append(name)
        strays = [path for path in self.unread() if _stem(path.name) in without] if without else []
        owned = {_key(PurePosixPath(name)) for name in images()} if strays else set()
        strays = [path for path in strays if _key(PurePosixPath(path.relative_to(self.folder))) not in owned]
        misplaced: dict[str, Path] = {}
        for path in strays:
            misplaced |= dict.fromkeys(without.pop(_stem(path.name), []), path)
        return misplaced

    @cached_property
    def _by_key(self) -> dict[str, Path]:
        paths = {path.relative_to(self.folder): path for path in self._all()}
        return {_key(PurePosixPath(below)): path for below, path in reversed(paths.items())}

    def _all(self) -> Iterator[Path]:
        return annotation_files(self.folder, self.ending, self.images)


def unmatched_files(files: Files, names: Sequence[str], images: Path, masks: Path | None = None) -> list[Problem]:
    """One line per annotation or mask that is not read.

    Args:
        files: All annotations or masks; `find` has been called for each of `names`.
        names: The names of the usable images, below their folder.
        images: The folder of images.
        masks: A folder of masks, which holds no images; see `boxsup.catalogue.readers.image_files.files_below`.
    """
    unread = files.unread()
    if not unread:
        return []
    others = {_stem(name): name for name in other_names(images, masks)}
    owners = {_stem(name): "" for name in images_below(images, masks)} | {_stem(name): name for name in names}
    lines = []
    for path in unread:
        stem = _stem(path.name)
        owner = owners.get(stem)
        if owner:
            lines.append(
                f"not read: it has another folder or other capitals than the image {owner}, or that has another one"
            )
        elif stem in others:
            lines.append(f"no image has its name; {others[stem]} is not read: images end in {', '.join(ENDINGS)}")
        else:
            lines.append("" if owner == "" else "no image has its name")  # "": the image's own problem says why
    return [image_problem("", path, line) for path, line in zip(unread, lines, strict=True) if line]


def _key(name: PurePosixPath) -> str:
    """A key that is equal for an image and its file, however accents and the ending are spelled."""
    return normalised(name.with_suffix("").as_posix())


def _stem(name: str) -> str:
    return normalised(PurePosixPath(name).stem).casefold()
