"""Which file of a folder belongs to which image: the one of its name, with another ending."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from boxsup.catalogue.names import normalised
from boxsup.catalogue.readers.image_files import ENDINGS, files_below, images_below, other_names
from boxsup.catalogue.records import Problem, image_problem

# What tools leave beside labels, which belongs to no image.
OTHERS = frozenset(
    {"classes.txt", "README.txt", "README.dataset.txt", "README.roboflow.txt", "train.txt", "val.txt", "test.txt"}
)


def annotation_files(folder: Path, ending: str) -> Iterator[Path]:
    """The files of an ending, in letters of either case, in a folder and below that may be annotations."""
    for name in files_below(folder):
        path = folder / name
        if name.suffix.lower() == ending and name.name not in OTHERS and path.is_file():
            yield path


IMAGES, LABELS = "images", "labels"  # folders of an export, beside one another


def find_file(folder: Path, name: str) -> Path:
    """A file below a folder by its name, or by one that looks the same; see `boxsup.catalogue.names.same`."""
    path = folder / name
    if name.isascii() or os.path.lexists(path):
        return path
    path = folder
    for part in PurePosixPath(name).parts:
        others = sorted(os.listdir(path)) if path.is_dir() and not os.path.lexists(path / part) else []
        path /= next((other for other in others if normalised(other) == normalised(part)), part)
    return path


def export_paths(name: PurePosixPath) -> list[PurePosixPath]:
    """Where an export keeps an image's file: in `labels` beside `images`, as Ultralytics has it, or below `labels`."""
    parts = name.parent.parts
    last = max((place for place, part in enumerate(parts) if part == IMAGES), default=None)
    swapped = [] if last is None else [PurePosixPath(*parts[:last], LABELS, *parts[last + 1 :], name.name)]
    return [*swapped, PurePosixPath(LABELS) / name]


@dataclass
class Files:
    """The files of an ending in a folder and below, looked up by the names of images.

    Attributes:
        folder: The folder.
        ending: In small letters; files may have it in capitals.
        flat: Whether an image of a folder below its own may have its file right here.
    """

    folder: Path
    ending: str
    flat: bool = True
    _taken: set[Path] = field(default_factory=set)

    def find(self, name: str) -> Path | None:
        """The file of an image: in the same folder below, else as exports have it, else right here; None without one.

        Args:
            name: The image's, below its folder.
        """
        own = PurePosixPath(name).with_suffix(self.ending)
        for below in (own, *export_paths(own), *[PurePosixPath(own.name)] * self.flat):
            exact = self.folder / below
            # Also a link to nothing, which is a problem.
            found = exact if os.path.lexists(exact) else self._by_key.get(_key(below))
            if found is not None:
                self._taken.add(found)
                return found
        return None

    def expected(self, name: str) -> Path:
        """Where the file of an image is, or should be."""
        own = PurePosixPath(name).with_suffix(self.ending)
        return self.find(name) or self.folder / (own.name if self.flat else own)

    def unread(self) -> list[Path]:
        """The files that belong to none of the images asked for, in order."""
        return [path for path in annotation_files(self.folder, self.ending) if path not in self._taken]

    def misplaced(self, names: Iterable[str], images: Callable[[], Iterable[str]]) -> dict[str, Path]:
        """Images without a file -> one of their name that lies elsewhere, or is spelled with other capitals.

        Args:
            names: Of the images.
            images: Gives the names of all images: what is another one's is not astray.
        """
        without: dict[str, list[str]] = defaultdict(list)
        for name in names:
            if self.find(name) is None:
                without[_stem(name)].append(name)
        strays = [path for path in self.unread() if _stem(path.name) in without] if without else []
        owned = {_key(PurePosixPath(name)) for name in images()} if strays else set()
        strays = [path for path in strays if _key(PurePosixPath(path.relative_to(self.folder))) not in owned]
        found: dict[str, Path] = {}
        for path in strays:
            found |= dict.fromkeys(without.pop(_stem(path.name), []), path)
        return found

    @cached_property
    def _by_key(self) -> dict[str, Path]:
        paths = {path.relative_to(self.folder): path for path in annotation_files(self.folder, self.ending)}
        return {_key(PurePosixPath(below)): path for below, path in reversed(paths.items())}


def unmatched_files(files: Files, names: Sequence[str], images: Path) -> list[Problem]:
    """A line for each annotation or mask that is not read.

    Args:
        files: All of them; those of `names` have been asked for.
        names: Of the images that can be used, below their folder.
        images: The folder.
    """
    unread = files.unread()
    if not unread:
        return []
    others = {_stem(name): name for name in other_names(images)}
    owners = {_stem(name): "" for name in images_below(images)} | {_stem(name): name for name in names}
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
            lines.append("" if owner == "" else "no image has its name")  # what is wrong with that image says why
    return [image_problem("", path, line) for path, line in zip(unread, lines, strict=True) if line]


def _key(name: PurePosixPath) -> str:
    """What is equal for an image and its file, however accents are kept and the ending is spelled."""
    return normalised(name.with_suffix("").as_posix())


def _stem(name: str) -> str:
    return normalised(PurePosixPath(name).stem).casefold()
