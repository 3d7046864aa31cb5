"""Walks a user's folders without what boxsup wrote into them: results may lie among the images and the annotations.

What is ours shows by its manifest (`boxsup.store.manifest`): a folder with a seal is ours as a whole, and so is a
store; of a folder with a ledger, the files that the ledger names are ours, and the rest is the user's. `results/` of
the workflow, whose jobs keep no manifests, has a record of how it was started. The folder that a user names is always
read.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from boxsup.again import is_results
from boxsup.store.manifest import LEDGER, SEAL, is_store, names_written
from boxsup.store.renames import undated


class Walked(NamedTuple):
    """A folder of a walk.

    Attributes:
        below: Its path below the folder that the walk began with; "." for that one.
        files: The names of the user's files in it, sorted; hidden ones are skipped.
        ours: Whether boxsup wrote the folder, or files in it that are left out.
    """

    below: PurePosixPath
    files: list[str]
    ours: bool


def walk_users_files(folder: Path) -> Iterator[Walked]:
    """Walk a folder and its subfolders in order, without hidden ones; what boxsup wrote is left out."""
    written: set[str] = set()
    for path, folders, files in os.walk(folder):
        below = PurePosixPath(Path(path).relative_to(folder))
        if below.parts and _is_ours_as_a_whole(path):
            folders.clear()
            yield Walked(below, [], ours=True)
            continue
        written.update(str(below / name) for name in _written_in(path))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = sorted(name for name in files if not name.startswith("."))
        users = [name for name in visible if not _is_written(str(below / name), written)] if written else visible
        yield Walked(below, users, ours=len(users) < len(visible))


def ours_below(folder: Path) -> list[str]:
    """The folders at and below a folder that hold what boxsup wrote, the uppermost ones; "." is the folder itself.

    They hold what `walk_users_files` leaves out.
    """
    found: list[PurePosixPath] = []
    for walked in walk_users_files(folder):
        if walked.ours and not any(walked.below.is_relative_to(upper) for upper in found):
            found.append(walked.below)
    return [str(below) for below in found]


def without_ours(files: Iterable[Path], folder: Path) -> list[Path]:
    """The files at or below a folder that boxsup did not write; looks only into the folders that they are in.

    Args:
        files: Absolute paths.
        folder: The folder that the user named; an absolute path.
    """
    ledgers = functools.cache(_written_in)
    whole = functools.cache(_is_ours_as_a_whole)

    def is_ours(file: Path) -> bool:
        between = [folder, *(above for above in file.parents if above != folder and above.is_relative_to(folder))]
        if any(whole(str(above)) for above in between[1:]):
            return True
        return any(_is_written(str(PurePosixPath(file.relative_to(above))), ledgers(str(above))) for above in between)

    return [file for file in files if not (file.is_relative_to(folder) and is_ours(file))]


def _is_ours_as_a_whole(path: str) -> bool:
    return os.path.lexists(f"{path}/{SEAL}") or is_store(Path(path)) or is_results(Path(path))


def _written_in(path: str) -> frozenset[str]:
    """The names in the ledger of a folder, below the folder; none if it has no ledger."""
    return names_written(Path(path)) if os.path.lexists(f"{path}/{LEDGER}") else frozenset()


def _is_written(name: str, written: set[str] | frozenset[str]) -> bool:
    """Whether a name is one that we wrote, or one under which we kept what had been there and was changed."""
    return bool(written) and (name in written or undated(name) in written)
