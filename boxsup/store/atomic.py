"""Outputs that are either whole or not there, also after `kill -9` or with a full disk."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from boxsup.stopping import remove, taken_back


@contextlib.contextmanager
def creating(path: str | os.PathLike[str], suffix: str = "") -> Iterator[Path]:
    """Write a file or folder beside its place and rename it at the end.

    The partial name is hidden and carries host and PID, so that an orphaned writer and its successor never meet; what
    dead writers left is removed first. An existing file or folder at `path` is replaced only by a whole one.

    Args:
        path: Where the finished file or folder shall be.
        suffix: What the partial name ends in, for writers that take the format from it.

    Yields:
        The partial path; nothing exists there yet.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    partial = _hidden(path, f"partial{suffix}")
    with taken_back(partial):
        yield partial
        if partial.is_dir() and path.is_dir():
            # A folder cannot be renamed onto a full one: the old one steps aside for the moment between.
            old = _hidden(path, "old")
            path.rename(old)
            partial.rename(path)
            remove(old)
        else:
            partial.replace(path)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 text file whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all."""
    with creating(path) as partial:
        partial.write_bytes(content)


def _hidden(path: Path, state: str) -> Path:
    return path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.{state}")


def _sweep(path: Path) -> None:
    """Remove partials of writers on this machine that are no longer alive."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.{re.escape(socket.gethostname())}\.(\d+)\.partial(\.\w+)?")
    for other in path.parent.glob(f".{glob.escape(path.name)}.*.partial*"):
        match = pattern.fullmatch(other.name)
        if match and (int(match[1]) == os.getpid() or not _alive(int(match[1]))):
            remove(other)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
