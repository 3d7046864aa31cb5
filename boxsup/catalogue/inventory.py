"""The inventory of a split: the files it is made of, with the SHA-256 of each.

A file counts as changed only if its content changed: copying or touching a data set changes nothing. A file is read
again only if its size or times differ from those when it was last read. These are kept beside the inventory; if they
are lost, all files are read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from boxsup.catalogue.names import normalised
from boxsup.catalogue.readers.not_ours import walk_users_files
from boxsup.catalogue.readers.places import ANNOTATION, IMAGE, MASK, FileFolder, FileLocations, ListedImages
from boxsup.experiments.splits import INVENTORY
from boxsup.store.atomic import write_text
from boxsup.store.checksums import sha256_of

SEEN = ".seen.json"  # beside the inventory
GRAIN = 2 * 10**9  # ns; two changes within this may get the same time: FAT has a resolution of two seconds
UNREADABLE = "unreadable"  # instead of a hash


class File(NamedTuple):
    """A file of a split: its kind (see `boxsup.catalogue.readers.places`), its path, and the SHA-256 of its content."""

    kind: str
    path: str
    sha256: str


class FileState(NamedTuple):
    """A file as it was last read: its size in bytes, its times in ns, and its SHA-256."""

    size: int
    modified: int
    changed: int  # ctime, of content or permissions; programs can set `modified` back, but not this
    sha256: str


KnownStates = Mapping[str, FileState]  # path -> the file as it was last read


@dataclass(frozen=True)
class Inventory:
    """The files of a split.

    Attributes:
        settings: What else the catalogue depends on, including `on_problem` and `source` (what generated the files).
        since: The change that the inventory was taken for; see `boxsup.catalogue.changes`.
        origin: A hash of what determines the list of images.
        problems: Problems with the list of images.
        shared: Annotation files that belong to all images.
        ids: Image ids, in order.
        names: The images' names below their folder.
        files: The files of each image.
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
        """Equal for inventories whose catalogues would be equal, wherever the files are.

        The content of true masks does not enter the tables. With `on_problem: skip` it still counts, since images with
        invalid masks are left out.
        """
        masks_count = self.settings["on_problem"] == "skip"
        files = [
            [(file.kind, file.sha256 if file.kind != MASK or masks_count else "") for file in files]
            for files in self.files
        ]
        return *self._head, self.ids, files

    def same_tables(self, other: Inventory) -> bool:
        """Whether the catalogues of both would be equal, wherever the files are."""
        same_files = self.files == other.files and self.ids == other.ids  # fast, and usually true
        return (same_files and self._head == other._head) or self.content == other.content

    @property
    def _head(self) -> tuple[Any, ...]:
        return dict(self.settings), self.problems, [file.sha256 for file in self.shared]

    def image_hash(self, ids: Sequence[str]) -> str:
        """A hash of what the candidates of these images, in order, are made from."""
        # With `skip`, all settings matter: they decide which images have problems and are left out.
        basis = self.settings if self.settings["on_problem"] == "skip" else self.settings["source"]
        return self._digest(basis, (), {IMAGE}, ids)

    def box_hash(self, ids: Sequence[str]) -> str:
        """A hash of the files and settings that the boxes of these images, in order, are read from."""
        return self._digest(self.settings, self.shared, {ANNOTATION}, ids)

    def mask_hash(self) -> str:
        """A hash of all true masks."""
        return self._digest({}, (), {MASK}, self.ids)

    def _digest(self, basis: Any, shared: Iterable[File], kinds: Collection[str], ids: Sequence[str]) -> str:  # noqa: ANN401 - JSON
        hashes = [[image, *(file.sha256 for file in self._by_id.get(image, ()) if file.kind in kinds)] for image in ids]
        text = json.dumps([basis, [file.sha256 for file in shared], hashes], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def _by_id(self) -> dict[str, list[File]]:
        return dict(zip(self.ids, self.files, strict=True))


def take_inventory(
    locations: FileLocations,
    settings: Mapping[str, Any],
    since: str,
    known: KnownStates,
    workers: int = 1,
    before: Inventory | None = None,
) -> tuple[Inventory, dict[str, FileState]]:
    """Take the inventory of a split.

    Args:
        locations: Where the files are.
        settings: See `Inventory`.
        since: See `Inventory`.
        known: Files as they were last read. A file that differs in size or times is read again.
        workers: Number of threads; the result does not depend on it.
        before: The last inventory. If what determines the list of images is unchanged, so is the list.

    Returns:
        The inventory, and the state of each file except those changed within GRAIN: they may change again without a
        trace in their times.

    Raises:
        DataError: The images cannot be listed.
    """
    now = time.time_ns()
    states = _states_of(map(str, locations.shared), known, workers)
    shared = [File(ANNOTATION, path, state.sha256) for path, state in states.items()]
    origin = " ".join([locations.origin() if locations.origin else "", *(file.sha256 for file in shared)])
    if before is not None and before.ids and before.origin == origin and before.settings == settings:
        listed = ListedImages(before.ids, before.names, before.problems)
    else:
        listed = locations.names()
    paths = _paths_of(locations.folders, listed.names)
    states |= _states_of((path for image_paths in paths for _, path in image_paths), known, workers)
    files = [[File(kind, path, states[path].sha256) for kind, path in image_paths] for image_paths in paths]
    settled = {
        path: state for path, state in states.items() if now - state.changed > GRAIN and state.sha256 != UNREADABLE
    }
    return Inventory(settings, since, origin, listed.problems, shared, listed.ids, listed.names, files), settled


def failed_inventory(settings: Mapping[str, Any], since: str, problem: str) -> Inventory:
    """The inventory of a split whose images cannot be listed."""
    return Inventory(settings, since, "", [problem], [], [], [], [])


def _paths_of(folders: Sequence[FileFolder], names: Sequence[str]) -> list[list[tuple[str, str]]]:
    """Kind and path of the files of each image."""
    indices = [(folder.kind, _index(folder)) for folder in folders]
    result = []
    for name in names:
        key = _key(os.path.splitext(name)[0])
        stem = key.rpartition("/")[2]
        by_kind = ((kind, index.get(key) or index.get(stem) or index.get(f"*/{stem}", [])) for kind, index in indices)
        result.append([(kind, path) for kind, paths in by_kind for path in paths])
    return result


def _index(files: FileFolder) -> dict[str, list[str]]:
    """The paths of a folder's files by name without ending. Files in subfolders also have the key "*/" + their name."""
    index: dict[str, list[str]] = defaultdict(list)
    for below, names, _ in walk_users_files(files.folder):
        inner = str(below)
        base = os.path.join(files.folder, inner) if below.parts else str(files.folder)
        for name in names:
            stem, dot, ending = name.rpartition(".")
            if f"{dot}{ending}".lower() not in files.endings:
                continue
            path, key = f"{base}/{name}", _key(stem)
            if inner == ".":
                index[key].append(path)
            else:
                index[f"{_key(inner)}/{key}"].append(path)
                index[f"*/{key}"].append(path)
    return index


def _key(text: str) -> str:
    """A key that is equal for names that look the same, whatever their case and the encoding of their accents."""
    return normalised(text).casefold()


def _states_of(paths: Iterable[str], known: KnownStates, workers: int) -> dict[str, FileState]:
    """The state of the file at each path, in order."""
    unique = list(dict.fromkeys(paths))
    if workers == 1:
        return {path: _state_of(path, known.get(path)) for path in unique}
    with ThreadPoolExecutor(workers) as executor:
        return dict(zip(unique, executor.map(lambda path: _state_of(path, known.get(path)), unique), strict=True))


def _state_of(path: str, known: FileState | None) -> FileState:
    try:
        status = os.stat(path)
        size_and_times = status.st_size, status.st_mtime_ns, status.st_ctime_ns
        if known is not None and known[:3] == size_and_times:
            return known
        if stat.S_ISREG(status.st_mode):  # reading a pipe would block
            return FileState(*size_and_times, sha256_of(Path(path)))
    except OSError:
        pass
    return FileState(0, 0, 0, UNREADABLE)


def write_inventory(folder: Path, inventory: Inventory) -> None:
    """Write an inventory, one line per image. Equal inventories give equal bytes."""
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


def read_inventory(folder: Path, ids: Collection[str] | None = None) -> Inventory | None:
    """The inventory of a split; None if there is none, or it cannot be read. All files are then new.

    Args:
        folder: The folder of the split's tables.
        ids: The images to read; None for all.
    """
    try:
        with (folder / INVENTORY).open("rb") as file:
            head, *rows = _entries(file, ids)
        listed, names, files = ([row[column] for row in rows] for column in range(3))
        shared = list(map(File._make, head.pop("shared")))
        found = [list(map(File._make, entry)) for entry in files]
        return Inventory(**head, shared=shared, ids=listed, names=names, files=found)
    except (OSError, ValueError, TypeError, KeyError, IndexError):
        return None


def _entries(lines: Iterable[bytes], wanted: Collection[str] | None) -> Iterator[Any]:
    """The head, and the rows of all images or of those wanted: one line each, as `write_inventory` writes them."""
    ids = None if wanted is None else {json.dumps(image).encode() for image in wanted}
    line = b""
    for number, line in enumerate(lines):
        entry = line[1 if number == 0 else 0 : -2]  # without the bracket before all, and the comma or bracket after it
        if number == 0 or ids is None or entry[1:].partition(b'", "')[0] + b'"' in ids:
            yield json.loads(entry)
    if not line.endswith(b"]\n"):
        raise ValueError("an inventory that is cut off")


def write_seen(folder: Path, states: KnownStates) -> None:
    """Write the states of files."""
    write_text(folder / SEEN, json.dumps([list(states), *zip(*states.values(), strict=True)]))


def read_seen(folder: Path) -> dict[str, FileState]:
    """Read the states of files; empty if that file is missing or damaged."""
    try:
        paths, *columns = json.loads((folder / SEEN).read_bytes())
        return dict(zip(paths, map(FileState._make, zip(*columns, strict=True)), strict=True))
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
