"""Journals: files to which one line of JSON is appended at a time, each on disk before the next one is made."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


def append_entry(path: Path, entry: Entry) -> None:
    """Append a line to a journal, and wait until it is on disk. Several processes may append to one journal.

    A last line that a killed writer left torn is ended first, so that it spoils no other.

    Raises:
        OSError: The line cannot be written.
    """
    line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        while line:
            line = line[os.write(descriptor, line) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        _sync_folder(path.parent)


class Journal:
    """A journal as it grows: what was appended to it, by anybody, since it was last looked at.

    Attributes:
        path: The file; it need not exist yet.
        unreadable: The numbers, from 1, of whole lines that are no JSON object: those that were torn.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unreadable: list[int] = []
        self._offset = self._lines = 0

    def news(self) -> list[Entry]:
        """Read the entries that were appended since the last call.

        A line that has no end yet is left for later: somebody may be writing it.

        Raises:
            OSError: The file is there and cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        entries = []
        for line in whole.split(b"\n")[:-1]:
            self._lines += 1
            entry = _parsed(line)
            if entry is not None:
                entries.append(entry)
            elif line.strip():
                self.unreadable.append(self._lines)
        return entries

    def is_torn(self) -> bool:
        """Whether the file ends within a line."""
        return self.path.exists() and self.path.stat().st_size > self._offset


def _parsed(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _sync_folder(folder: Path) -> None:
    """Let the name of a new file in a folder be on disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
