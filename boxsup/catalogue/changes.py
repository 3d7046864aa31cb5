"""Finds what changed in a split's files since its inventory was taken. Runs while Snakemake plans a run.

If anything changed, the inventory is taken again, and then the catalogue is made again. A shard of candidates or
overlaps is made again only if its own inputs changed: a record beside each shard says what it was made from.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from boxsup.catalogue.inventory import (
    Inventory,
    failed_inventory,
    read_inventory,
    read_seen,
    take_inventory,
    write_seen,
)
from boxsup.catalogue.looks import Look, look_at
from boxsup.catalogue.readers import READERS
from boxsup.catalogue.readers.places import locate_files
from boxsup.catalogue.tables import read_catalogue, shard_bounds
from boxsup.errors import BoxSupError
from boxsup.experiments.splits import INVENTORY, TABLES
from boxsup.near import first_few
from boxsup.stages import STAGES

T = TypeVar("T")
FIRST, LOST = "the first time", "the one before cannot be read"


@dataclass(frozen=True)
class SplitFiles:
    """A split whose inventory is taken.

    Attributes:
        folder: The folder of its tables.
        form: The format of its files, a key of `boxsup.catalogue.readers.READERS`.
        root: The root folder of the data set.
        classes: Class names, the background first.
        split: The split's settings as JSON.
        on_problem: "stop" or "skip".
        source: What generated the files, as JSON; null for the user's own files.
    """

    folder: Path
    form: str
    root: Path
    classes: tuple[str, ...]
    split: str
    on_problem: str
    source: str = "null"

    @property
    def settings(self) -> dict[str, Any]:
        """What the catalogue depends on besides the files. The root is not part of it."""
        data = {"format": self.form, "classes": list(self.classes), "split": json.loads(self.split)}
        return {**data, "on_problem": self.on_problem, "source": self.source, "version": STAGES["catalogue"].version}

    def take_inventory(self, since: str, before: Inventory | None, workers: int = 1) -> Inventory:
        """Take the inventory, and store the states of the files.

        Args:
            since: The change that the inventory is taken for.
            before: The last inventory, or None.
            workers: Number of threads.
        """
        known = read_seen(self.folder)
        try:
            locations = locate_files(self.form, self.root, self.classes, self.split)
            inventory, states = take_inventory(locations, self.settings, since, known, workers, before)
        except (BoxSupError, OSError) as error:  # the catalogue will report it
            return failed_inventory(self.settings, since, str(error))
        if states != known:
            with contextlib.suppress(OSError):  # then files are read again next time
                write_seen(self.folder, states)
        return inventory

    def look(self) -> Look | None:
        """A look at the files; None without an inventory, or if they cannot be looked at now or change just now."""
        written = [_written(self.folder / name) for name in (INVENTORY, TABLES[0])]
        if written[0] is None:
            return None
        try:
            locations = locate_files(self.form, self.root, self.classes, self.split)
            # With `skip`, the table says which images are left out.
            return look_at(self.folder, locations, [self.settings, written[: 1 + (self.on_problem == "skip")]])
        except (BoxSupError, OSError):
            return None

    def faulty(self, images: Collection[str]) -> set[str]:
        """The images with problems: checks only the given ones, but includes all with a problem in the listing.

        Raises:
            DataError: The images cannot be listed.
        """
        listing = READERS[self.form](self.root, self.classes, self.split)
        faulty = {problem.image for problem in listing.problems}
        checks = (check for image, check in zip(listing.ids, listing.checks, strict=True) if image in images)
        return faulty | {record.image for record in (check() for check in checks) if record.problems}


class Changes:
    """A split as it was and as it is now.

    What is asked is answered from a look at names, sizes and times, if it was answered before and these are the same
    (`boxsup.catalogue.looks`); else the inventory is read, and that of the files as they are now is taken.
    """

    def __init__(self, split: SplitFiles, look: Look | None = None) -> None:
        """See a split; `look` remembers answers."""
        self.split, self._look = split, look

    @cached_property
    def before(self) -> Inventory | None:
        """The stored inventory; None if none was taken yet."""
        return read_inventory(self.folder)

    @cached_property
    def now(self) -> Inventory | None:
        """The inventory of the files now; None if it is unknown.

        It is, if none is stored, or if all files are inaccessible, as on a disk that is not mounted.
        """
        if self.before is None:
            return None
        now = self.split.take_inventory(self.before.since, self.before)
        files = (file for files in self.before.files for file in files)
        return None if not now.ids and not any(os.path.lexists(file.path) for file in files) else now

    @property
    def folder(self) -> Path:
        """The folder of the split's tables."""
        return self.split.folder

    @property
    def state(self) -> Inventory | None:
        """The inventory of the files now, else the stored one."""
        return self.now or self.before

    def since(self) -> str:
        """The change that an inventory is taken for: that of the last inventory, unless something has changed since."""
        return self._answer("since", self._since)

    def source(self) -> str | None:
        """What the files were generated from when the last inventory was taken, as JSON; None without an inventory."""
        return self._answer("source", lambda: str(self.before.settings["source"]) if self.before else None)

    def image_hash(self, index: int, count: int) -> str:
        """A hash of what the candidates of shard `index` of `count` are made from; "" if unknown."""
        return self._hash(f"images {index} of {count}", lambda state: state.image_hash(self._shard(index, count)))

    def box_hash(self, index: int, count: int) -> str:
        """A hash of what the boxes of shard `index` of `count` are read from; "" if unknown."""
        return self._hash(f"boxes {index} of {count}", lambda state: state.box_hash(self._shard(index, count)))

    def mask_hash(self) -> str:
        """A hash of the true masks; "" if unknown."""
        return self._hash("masks", lambda state: state.mask_hash())

    def _hash(self, name: str, hash_of: Callable[[Inventory], str]) -> str:
        return self._answer(name, lambda: hash_of(self.state) if self.state else "")

    def _answer(self, question: str, find: Callable[[], T]) -> T:
        return self._look.answer(question, find) if self._look else find()

    def _since(self) -> str:
        if self.before is None:
            return LOST if (self.folder / INVENTORY).exists() else FIRST
        changed = self.now is not None and not self.now.same_tables(self.before)
        return describe(self.before, self.now) if self.now and changed else self.before.since

    def _shard(self, index: int, count: int) -> list[str]:
        return self._ids[slice(*shard_bounds(len(self._ids), index, count))]

    @cached_property
    def _ids(self) -> list[str]:
        return [image for image in (self.state.ids if self.state else ()) if image not in self._left_out]

    @cached_property
    def _left_out(self) -> set[str]:
        """The images that the catalogue leaves out for their problems. Images whose files changed are checked again."""
        if self.before is None or self.split.on_problem == "stop":
            return set()
        try:
            left_out = set(self.before.ids) - set(read_catalogue(self.folder).ids)
            changed = changed_images(self.before, self.now) if self.now else set()
            return (left_out - changed) | (self.split.faulty(changed) if self.now and changed else set())
        except (BoxSupError, OSError):  # the catalogue will report it
            return set()


class Unlooked(Changes):
    """A split whose files are not looked at."""

    before = None
    now = None


def changes(split: SplitFiles) -> Changes:
    """Compare a split's files with its inventory."""
    return Changes(split, split.look())


def _written(path: Path) -> list[int] | None:
    """The size and time of a file; None if there is none."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return [status.st_size, status.st_mtime_ns]
    return None


def describe(before: Inventory, now: Inventory) -> str:
    """How a split changed, in one line. Different new states give different lines, since a hash is part of it."""
    old, new = _hashes(before), _hashes(now)
    paths_by_change = {
        "changed": [path for path in new if old.get(path, new[path]) != new[path]],
        "added": [path for path in new if path not in old],
        "taken out": [path for path in old if path not in new],
    }
    parts = [f"{change} {first_few(paths, 1)}" for change, paths in paths_by_change.items() if paths]
    state = hashlib.sha256(json.dumps(now.content, sort_keys=True).encode()).hexdigest()[:12]
    text = "; ".join(parts).encode(errors="backslashreplace").decode()  # file names may hold any bytes
    return f"{text or 'settings or the list changed'} ({state})"


def changed_images(before: Inventory, now: Inventory) -> set[str]:
    """The ids of images that are new, or have other files than before."""
    then = dict(zip(before.ids, before.files, strict=True))
    return {image for image, files in zip(now.ids, now.files, strict=True) if then.get(image) != files}


def _hashes(inventory: Inventory) -> dict[str, str]:
    return {file.path: file.sha256 for files in (inventory.shared, *inventory.files) for file in files}
