"""The inventory of a split: which files it is made of, and the SHA-256 of what is in them.

A file is read only where its size or times are others than when it was last read, and is the same if its content is:
copying or touching a data set changes nothing. What was seen of each file is kept beside the inventory to make the next
look quick; without it, all files are read.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from boxsup.catalogue.names import same
from boxsup.catalogue.readers.places import ANNOTATION, IMAGE, MASK, Names, Place, Places
from boxsup.experiments.splits import INVENTORY
from boxsup.store.atomic import write_text
from boxsup.store.checksums import sha256_of

SEEN = ".seen.json"  # beside the inventory
GRAIN = 2 * 10**9  # ns; what changes twice within this may have the same time both times: FAT counts by two seconds
UNREADABLE = "unreadable"  # in place of a hash


class File(NamedTuple):
    """A file of an image: its kind, see `boxsup.catalogue.readers.places`, its path, and the SHA-256 of its content."""

    kind: str
    path: str
    sha256: str


class Look(NamedTuple):
    """What tells that a file is as it was when it was read: its size in bytes, two times in ns, and its SHA-256."""

    size: int
    modified: int
    changed: int  # its content or its rights; programs set `modified` back, but not this
    sha256: str


Seen = Mapping[str, Look]  # path -> what was last seen there


@dataclass(frozen=True)
class Inventory:
    """What a split is made of.

    Attributes:
        settings: What else its catalogue depends on; `source`, what made its files, and `on_problem` among it.
        since: The change that it was made for; see `boxsup.catalogue.changes`.
        origin: A hash of what names its images.
        problems: What is wrong with the list of images.
        shared: Annotation files of all images.
        ids: Of the images, in order.
        names: Theirs below the folder of images.
        files: Those of each image.
    """

    settings: Mapping[str, Any]
    since: str
    origin: str
    problems: list[str]
    shared: list[File]
    ids: list[str]
    names: list[str]
    files: list[list[File]]

    @cached_property
    def content(self) -> tuple[Any, ...]:
        """What is equal where the catalogue would be, wherever the files lie.

        What is in true masks is not in its tables. They are checked with it, and images left out for them too.
        """
        open_masks = self.settings["on_problem"] == "skip"
        own = [
            [(file.kind, file.sha256 if file.kind != MASK or open_masks else "") for file in files]
            for files in self.files
        ]
        return *self._head, self.ids, own

    def same(self, other: Inventory) -> bool:
        """Whether the catalogue of both would be the same, wherever the files lie."""
        files = self.files == other.files and self.ids == other.ids  # quick, and true most of the time
        return (files and self._head == other._head) or self.content == other.content

    @property
    def _head(self) -> tuple[Any, ...]:
        return dict(self.settings), self.problems, [file.sha256 for file in self.shared]

    def pixels(self, ids: Sequence[str]) -> str:
        """A hash of what candidates of these images, in order, are made from."""
        # Where images with problems are left out, all that makes problems decides which ones there are.
        basis = self.settings if self.settings["on_problem"] == "skip" else self.settings["source"]
        return self._digest(basis, (), {IMAGE}, ids)

    def boxes(self, ids: Sequence[str]) -> str:
        """A hash of what the boxes of these images, in order, are read from."""
        return self._digest(self.settings, self.shared, {ANNOTATION}, ids)

    def masks(self) -> str:
        """A hash of all true masks."""
        return self._digest({}, (), {MASK}, self.ids)

    def _digest(self, basis: Any, shared: Iterable[File], kinds: Collection[str], ids: Sequence[str]) -> str:  # noqa: ANN401 - JSON
        own = [[image, *(file.sha256 for file in self._by_id.get(image, ()) if file.kind in kinds)] for image in ids]
        text = json.dumps([basis, [file.sha256 for file in shared], own], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def _by_id(self) -> dict[str, list[File]]:
        return dict(zip(self.ids, self.files, strict=True))


def take(
    places: Places,
    settings: Mapping[str, Any],
    since: str,
    seen: Seen,
    workers: int = 1,
    before: Inventory | None = None,
) -> tuple[Inventory, dict[str, Look]]:
    """Look at the files of a split.

    Args:
        places: Where they are.
        settings: See `Inventory`.
        since: Likewise.
        seen: What was seen of them before; the others are read.
        workers: Threads; the result does not depend on it.
        before: The last inventory: where what names the images is the same, they are too.

    Returns:
        The inventory, and what was seen of each file, less files that changed within GRAIN: they may change again and
        look the same.

    Raises:
        DataError: The images cannot be listed.
    """
    now = time.time_ns()
    looks = _looks(map(str, places.shared), seen, workers)
    shared = [File(ANNOTATION, path, look.sha256) for path, look in looks.items()]
    origin = " ".join([places.origin() if places.origin else "", *(file.sha256 for file in shared)])
    if before is not None and before.ids and before.origin == origin and before.settings == settings:
        listed = Names(before.ids, before.names, before.problems)
    else:
        listed = places.names()
    found = _found(places.folders, listed.names)
    looks |= _looks((path for own in found for _, path in own), seen, workers)
    files = [[File(kind, path, looks[path].sha256) for kind, path in own] for own in found]
    settled = {path: look for path, look in looks.items() if now - look.changed > GRAIN and look.sha256 != UNREADABLE}
    return Inventory(settings, since, origin, listed.problems, shared, listed.ids, listed.names, files), settled


def newest_of(places: Places) -> tuple[list[str], int]:
    """The ids of a split's images, and when the last one of its files was changed, in ns; none of them is read.

    Raises:
        DataError: The images cannot be listed.
    """
    listed = places.names()
    paths = [str(path) for path in places.shared]
    paths += [path for own in _found(places.folders, listed.names) for _, path in own]
    return listed.ids, max((os.stat(path).st_mtime_ns for path in paths if os.path.exists(path)), default=0)


def unlisted(settings: Mapping[str, Any], since: str, problem: str) -> Inventory:
    """The inventory of a split whose images cannot be listed."""
    return Inventory(settings, since, "", [problem], [], [], [], [])


def _found(folders: Sequence[Place], names: Sequence[str]) -> list[list[tuple[str, str]]]:
    """Kind and path of the files of each image."""
    indices = [(place.kind, _index(place)) for place in folders]
    found = []
    for name in names:
        below = _key(os.path.splitext(name)[0])
        stem = below.rpartition("/")[2]
        own = ((kind, index.get(below) or index.get(stem) or index.get(f"*/{stem}", [])) for kind, index in indices)
        found.append([(kind, path) for kind, paths in own for path in paths])
    return found


def _index(place: Place) -> dict[str, list[str]]:
    """The files of a folder by their names without endings; those of folders below also by "*/" and their own name."""
    index: dict[str, list[str]] = defaultdict(list)
    for base, folders, names in os.walk(place.folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inner = os.path.relpath(base, place.folder)
        for name in sorted(names):
            stem, dot, ending = name.rpartition(".")
            if f"{dot}{ending}".lower() not in place.endings:
                continue
            path, key = f"{base}/{name}", _key(stem)
            if inner == ".":
                index[key].append(path)
            else:
                index[f"{_key(inner)}/{key}"].append(path)
                index[f"*/{key}"].append(path)
    return index


def _key(text: str) -> str:
    """What is equal for names that look the same, however their accents are kept and in letters of either case."""
    return same(text).casefold()


def _looks(paths: Iterable[str], seen: Seen, workers: int) -> dict[str, Look]:
    """What there is at each path, in order."""
    own = list(dict.fromkeys(paths))
    if workers == 1:
        return {path: _look(path, seen.get(path)) for path in own}
    with ThreadPoolExecutor(workers) as executor:
        return dict(zip(own, executor.map(lambda path: _look(path, seen.get(path)), own), strict=True))


def _look(path: str, last: Look | None) -> Look:
    try:
        found = os.stat(path)
        times = found.st_size, found.st_mtime_ns, found.st_ctime_ns
        if last is not None and last[:3] == times:
            return last
        if stat.S_ISREG(found.st_mode):  # a pipe would not end
            return Look(*times, sha256_of(Path(path)))
    except OSError:
        pass
    return Look(0, 0, 0, UNREADABLE)


def write_inventory(folder: Path, inventory: Inventory) -> None:
    """Write an inventory, a line an image; the same bytes for equal ones."""
    head = {
        "settings": inventory.settings,
        "since": inventory.since,
        "origin": inventory.origin,
        "problems": inventory.problems,
        "shared": inventory.shared,
    }
    rows = zip(inventory.ids, inventory.names, inventory.files, strict=True)
    lines = [json.dumps(value, sort_keys=True) for value in (head, *rows)]
    write_text(folder / INVENTORY, "[{}]\n".format(",\n".join(lines)))


def read_inventory(folder: Path) -> Inventory | None:
    """The inventory of a split; None if there is none that can be read: its files are then new."""
    try:
        head, *rows = json.loads((folder / INVENTORY).read_bytes())
        ids, names, files = ([row[place] for row in rows] for place in range(3))
        shared = list(map(File._make, head.pop("shared")))
        return Inventory(
            **head, shared=shared, ids=ids, names=names, files=[list(map(File._make, own)) for own in files]
        )
    except (OSError, ValueError, TypeError, KeyError, IndexError):
        return None


def write_seen(folder: Path, seen: Seen) -> None:
    """Keep what was seen of each file."""
    write_text(folder / SEEN, json.dumps([list(seen), *zip(*seen.values(), strict=True)]))


def read_seen(folder: Path) -> dict[str, Look]:
    """What was seen of each file; nothing if that was lost."""
    try:
        paths, *columns = json.loads((folder / SEEN).read_bytes())
        return dict(zip(paths, map(Look._make, zip(*columns, strict=True)), strict=True))
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
