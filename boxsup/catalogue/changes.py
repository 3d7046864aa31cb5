"""What changed in a split's files since its inventory was taken, told while a run is planned.

The job of the inventory runs where anything did, then the catalogue. Shards of candidates and overlaps are told apart:
a record beside each says what it was made from, and it is made again only where that is no longer so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from boxsup.catalogue.inventory import (
    Inventory,
    newest_of,
    read_inventory,
    read_seen,
    take,
    unlisted,
    write_seen,
)
from boxsup.catalogue.readers import READERS
from boxsup.catalogue.readers.places import places
from boxsup.catalogue.tables import read_catalogue, shard_bounds
from boxsup.errors import BoxSupError
from boxsup.experiments.splits import INVENTORY, TABLES
from boxsup.near import first_few
from boxsup.stages import STAGES
from boxsup.store.atomic import write_text
from boxsup.store.ownership import current_claims

FIRST, LOST = "the first time", "the one before cannot be read"


@dataclass(frozen=True)
class SplitFiles:
    """A split as its inventory is taken of it.

    Attributes:
        folder: Of its tables.
        form: Of its files, a key of `boxsup.catalogue.readers.READERS`.
        root: Of the data set.
        classes: Names by label, the background first.
        split: JSON of the split's settings.
        on_problem: "stop" or "skip".
        source: JSON of what generated the files, null for a user's own.
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
        """What its catalogue depends on beside the files; not where they lie, but for paths in the split's settings."""
        own = {"format": self.form, "classes": list(self.classes), "split": json.loads(self.split)}
        return {**own, "on_problem": self.on_problem, "source": self.source, "version": STAGES["catalogue"].version}

    def take(self, since: str, before: Inventory | None, workers: int = 1) -> Inventory:
        """Take the inventory, and keep what was seen of the files.

        Args:
            since: The change that it is for.
            before: The last one.
            workers: Threads.
        """
        seen = read_seen(self.folder)
        try:
            where = places(self.form, self.root, self.classes, self.split)
            inventory, now = take(where, self.settings, since, seen, workers, before)
        except (BoxSupError, OSError) as error:  # the catalogue says it to people
            return unlisted(self.settings, since, str(error))
        if now != seen:
            with contextlib.suppress(OSError):  # read again next time
                write_seen(self.folder, now)
        return inventory

    def stands(self) -> bool:
        """Whether there is a catalogue that has the images of the split's list, and no file is newer."""
        if (self.folder / INVENTORY).exists():
            return False
        try:
            made = (self.folder / TABLES[0]).stat().st_mtime_ns
            ids = read_catalogue(self.folder).ids
            where = places(self.form, self.root, self.classes, self.split)
            listed, newest = newest_of(where)
        except FileNotFoundError:
            return False
        except (BoxSupError, OSError):  # the files are away
            return True
        return newest <= made and (listed == ids or self.on_problem == "skip")

    def faulty(self, asked: Collection[str]) -> set[str]:
        """Those of the images asked for that have problems, and all that have one already as they are listed.

        Raises:
            DataError: They cannot be listed.
        """
        listing = READERS[self.form](self.root, self.classes, self.split)
        wrong = {problem.image for problem in listing.problems}
        checks = (check for image, check in zip(listing.ids, listing.checks, strict=True) if image in asked)
        return wrong | {record.image for record in (check() for check in checks) if record.problems}


@dataclass(frozen=True)
class Changes:
    """A split as it was and as it is.

    Attributes:
        split: The split.
        before: Its inventory, None if none was taken yet.
        now: As its files are; None where that is not known: there was none before, or all of them are away, as on a
            disk that is not mounted.
        stands: Whether there is a catalogue of before there were inventories, and nothing is newer.
    """

    split: SplitFiles
    before: Inventory | None
    now: Inventory | None
    stands: bool = False

    @property
    def folder(self) -> Path:
        """Of its tables."""
        return self.split.folder

    @property
    def state(self) -> Inventory | None:
        """What is known of the files: as they are, else as they were."""
        return self.now or self.before

    def since(self) -> str:
        """What an inventory that is taken now is for: the same as the last one unless something changed."""
        if self.before is None:
            return LOST if (self.folder / INVENTORY).exists() else FIRST
        changed = self.now is not None and not self.now.same(self.before)
        return describe(self.before, self.now) if self.now and changed else self.before.since

    def pixels(self, index: int, count: int) -> str:
        """A hash of what the candidates of a shard are made from; "" if it is not known."""
        return self.state.pixels(self._shard(index, count)) if self.state else ""

    def boxes(self, index: int, count: int) -> str:
        """A hash of what the boxes of a shard are read from; "" if it is not known."""
        return self.state.boxes(self._shard(index, count)) if self.state else ""

    def masks(self) -> str:
        """A hash of the true masks; "" if it is not known."""
        return self.state.masks() if self.state else ""

    def _shard(self, index: int, count: int) -> list[str]:
        return self._ids[slice(*shard_bounds(len(self._ids), index, count))]

    @cached_property
    def _ids(self) -> list[str]:
        return [image for image in (self.state.ids if self.state else ()) if image not in self._left_out]

    @cached_property
    def _left_out(self) -> set[str]:
        """Images that the catalogue leaves out for their problems; those whose files changed are checked for it."""
        if self.before is None or self.split.on_problem == "stop":
            return set()
        try:
            then = set(self.before.ids) - set(read_catalogue(self.folder).ids)
            changed = changed_images(self.before, self.now) if self.now else set()
            return (then - changed) | (self.split.faulty(changed) if self.now and changed else set())
        except (BoxSupError, OSError):  # the catalogue says it
            return set()


def changes(split: SplitFiles) -> Changes:
    """Compare a split's files with its inventory."""
    before = read_inventory(split.folder)
    if before is None:
        return Changes(split, None, None, split.stands())
    now = split.take(before.since, before)
    away = not now.ids and not any(os.path.lexists(file.path) for files in before.files for file in files)
    return Changes(split, before, None if away else now)


def describe(before: Inventory, now: Inventory) -> str:
    """One line of how a split changed, another for each state that it may come to."""
    old, new = _hashes(before), _hashes(now)
    found = {
        "changed": [path for path in new if old.get(path, new[path]) != new[path]],
        "added": [path for path in new if path not in old],
        "taken out": [path for path in old if path not in new],
    }
    parts = [f"{word} {first_few(paths, 1)}" for word, paths in found.items() if paths]
    state = hashlib.sha256(json.dumps(now.content, sort_keys=True).encode()).hexdigest()[:12]
    text = "; ".join(parts).encode(errors="backslashreplace").decode()  # names of files may be any bytes
    return f"{text or 'settings or the list changed'} ({state})"


def changed_images(before: Inventory, now: Inventory) -> set[str]:
    """The images that are new, or whose files are."""
    then = dict(zip(before.ids, before.files, strict=True))
    return {image for image, files in zip(now.ids, now.files, strict=True) if then.get(image) != files}


def _hashes(inventory: Inventory) -> dict[str, str]:
    return {file.path: file.sha256 for files in (inventory.shared, *inventory.files) for file in files}


@contextlib.contextmanager
def recording(store: Path, made_from: Mapping[str, Any] | None) -> Iterator[None]:
    """Make a shard, and say beside it what it was made from.

    Args:
        store: Its folder.
        made_from: See `is_made_from`; None says nothing.
    """
    _record(store).unlink(missing_ok=True)
    yield
    claims = current_claims()
    if made_from is not None and (claims is None or claims.by_snakemake):  # who works by hand has no use for it
        write_text(_record(store), json.dumps(made_from, sort_keys=True) + "\n")


def _record(store: Path) -> Path:
    return store.with_name(f".{store.name}.made-from.json")


def is_made_from(store: Path, made_from: Mapping[str, Any]) -> bool:
    """Whether a shard was made from what it would be made from now."""
    try:
        return store.is_dir() and json.loads(_record(store).read_bytes()) == made_from
    except (OSError, ValueError):
        return False


def proposals_from(settings: Mapping[str, Any], pixels: str) -> dict[str, Any]:
    """What a shard of candidates is made from: the settings of its method, and `Changes.pixels`."""
    return {"settings": dict(settings), "images": pixels, "version": STAGES["proposals"].version}


def overlaps_from(boxes: str) -> dict[str, Any]:
    """What a shard of overlaps is made from, beside its candidates: `Changes.boxes`."""
    return {"boxes": boxes, "version": STAGES["overlaps"].version}
