"""What a look at the files of a split found, kept for as long as the files stay as they are.

To see that nothing changed, a plan needs the names, sizes and times of all files, and neither the inventory nor the
hashes of their contents, which take gigabytes for millions of files.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from boxsup.catalogue.inventory import GRAIN
from boxsup.catalogue.readers.places import FileLocations
from boxsup.store.atomic import write_text

LOOKED = ".looked.json"  # beside the inventory
T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """A look at the files of a split.

    Attributes:
        folder: The folder of the split's tables.
        state: A hash of everything that answers depend on.
        answers: What was answered about the files in this state; JSON values.
    """

    folder: Path
    state: str
    answers: dict[str, Any]

    def answer(self, question: str, find: Callable[[], T]) -> T:
        """The answer to a question: that on record, or else what `find` finds, which is kept."""
        if question not in self.answers:
            self.answers[question] = find()
            with contextlib.suppress(OSError):  # then it is found again next time
                write_text(self.folder / LOOKED, json.dumps([self.state, self.answers], sort_keys=True))
        found: T = self.answers[question]
        return found


def look_at(folder: Path, locations: FileLocations, basis: list[Any]) -> Look | None:
    """Look at the files of a split.

    Args:
        folder: The folder of the split's tables.
        locations: Where the files are.
        basis: What else answers depend on; JSON values.

    Returns:
        The look, with the answers that are on record for this state; None if a file changed within the last two
        seconds, since it may change again without a trace in its times.
    """
    now = time.time_ns()
    digest, newest = hashlib.sha256(json.dumps(basis).encode()), 0
    digest.update((locations.origin() if locations.origin else "").encode())
    paths = [*map(str, locations.shared), *dict.fromkeys(str(files.folder) for files in locations.folders)]
    for text, changed in (found for path in paths for found in _files_at(path)):
        digest.update(text.encode(errors="surrogateescape"))
        newest = max(newest, changed)
    if now - newest <= GRAIN:
        return None
    state = digest.hexdigest()
    return Look(folder, state, _answers(folder, state))


def _files_at(path: str) -> Iterator[tuple[str, int]]:
    """A line with name, size and times, and the last change, of a file or of each file below a folder, in order."""
    folders = [path]
    while folders:
        base = folders.pop()
        try:
            names = sorted(os.listdir(base))
        except OSError:  # a file, or nothing
            base, *names = os.path.split(base)
        for name in names:
            own = f"{base}/{name}"
            try:
                status = os.stat(own)
            except OSError:
                yield f"{own} unreadable\n", 0
                continue
            if not stat.S_ISDIR(status.st_mode):
                yield f"{own} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\n", status.st_ctime_ns
            elif not os.path.islink(own):  # a link may lead in a circle
                folders.append(own)


def _answers(folder: Path, state: str) -> dict[str, Any]:
    try:
        known, answers = json.loads((folder / LOOKED).read_bytes())
        return dict(answers) if known == state else {}
    except (OSError, ValueError, TypeError):
        return {}
