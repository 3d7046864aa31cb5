"""Renames that lose nothing: two places exchanged at once, a move onto no other file, a name with the date."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

AT_FDCWD, NOREPLACE, EXCHANGE = -100, 1, 2  # of Linux' renameat2
UNKNOWN = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)  # the system or its file system has no such rename
MAX_NAME_BYTES = 255  # bytes of a name


def exchange(one: Path, other: Path) -> bool:
    """Let two files or folders change places in one step; False where the file system cannot.

    Raises:
        OSError: It can, but not these.
    """
    return _renameat2(one, other, EXCHANGE)


def move(source: Path, target: Path) -> None:
    """Move a file or folder to where nothing is.

    Raises:
        FileExistsError: Something is there, if only a link that leads nowhere.
    """
    if _renameat2(source, target, NOREPLACE):
        return
    if os.path.lexists(target):  # a file system without such a rename: looking first is all that is left
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)


def put_aside(source: Path, path: Path) -> Path:
    """Move what was at `path`, and is now at `source`, to a name with the date beside `path`; the new name."""
    for name in dated_names(path, source.is_dir() and not source.is_symlink()):
        try:
            move(source, path.with_name(name))
        except FileExistsError:
            continue
        return path.with_name(name)
    raise AssertionError("there is always a next name")


def dated_names(path: Path, folder: bool) -> Iterator[str]:
    """Names for a file or folder that is put aside: `train.2026-11-29T0644.txt`, then `train.2026-11-29T0644-2.txt`."""
    stamp = f"{datetime.now():%Y-%m-%dT%H%M}"
    ending = "" if folder else path.suffix
    stem = path.name.removesuffix(ending)
    number = 1
    while True:
        tail = f".{stamp}{f'-{number}' if number > 1 else ''}{ending}"
        yield f"{_cut(stem, MAX_NAME_BYTES - len(os.fsencode(tail)))}{tail}"
        number += 1


def _cut(text: str, most: int) -> str:
    """A text of at most so many bytes."""
    while len(os.fsencode(text)) > most:
        text = text[:-1]
    return text


def _renameat2(source: Path, target: Path, flags: int) -> bool:
    """Linux' system call; False where there is none for these flags."""
    call = _system_call()
    if call is None:
        return False
    if call(AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), str(source), None, str(target))


@functools.cache
def _system_call() -> Any:  # noqa: ANN401 - ctypes has no types
    """The C library's function, or None."""
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
