"""Renames that lose nothing: exchange two paths at once, move only to a free path, keep under a dated name."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

AT_FDCWD, NOREPLACE, EXCHANGE = -100, 1, 2  # arguments of Linux' renameat2
UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)  # the kernel or the file system cannot rename in this way
MAX_NAME_BYTES = 255
DATED = re.compile(r"\.\d{4}-\d\d-\d\dT\d{4}(-\d+)?(?=\.[^./]*$|$)")  # what `dated_names` puts before the suffix


def exchange(one: Path, other: Path) -> bool:
    """Exchange two files or folders in one step.

    Returns:
        Whether it was done; False if the system has no such call, or the file system cannot.

    Raises:
        OSError: The file system can exchange files, but not these two.
    """
    return _renameat2(one, other, EXCHANGE)


def move(source: Path, target: Path) -> None:
    """Move a file or folder to a path where nothing is.

    Raises:
        FileExistsError: Something is at `target`, even if it is only a broken link.
    """
    if _renameat2(source, target, NOREPLACE):
        return
    if os.path.lexists(target):  # the file system cannot check and rename in one step
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)


def put_aside(source: Path, path: Path) -> Path:
    """Move what was at `path`, and is now at `source`, to a dated name beside `path`.

    Returns:
        The new path.
    """
    for name in dated_names(path, source.is_dir() and not source.is_symlink()):
        try:
            move(source, path.with_name(name))
        except FileExistsError:
            continue
        return path.with_name(name)
    raise AssertionError("there is always a next name")


def dated_names(path: Path, folder: bool) -> Iterator[str]:
    """Names under which to keep what is at a path: `train.2026-11-29T0644.txt`, then `train.2026-11-29T0644-2.txt`, ….

    Args:
        path: The path.
        folder: Whether it is a folder, whose name has no suffix.

    Example:
        >>> next(dated_names(Path("train.txt"), folder=False)).startswith("train.2")
        True
    """
    time = f"{datetime.now():%Y-%m-%dT%H%M}"
    suffix = "" if folder else path.suffix
    stem = path.name.removesuffix(suffix)
    number = 1
    while True:
        ending = f".{time}{f'-{number}' if number > 1 else ''}{suffix}"
        yield f"{_cut(stem, MAX_NAME_BYTES - len(os.fsencode(ending)))}{ending}"
        number += 1


def undated(name: str) -> str:
    """The name, or path, of what is kept under a dated name; any other name as it is.

    >>> undated("a/train.2026-11-29T0644-2.txt"), undated("voc.2026-11-29T0644"), undated("a.b.txt")
    ('a/train.txt', 'voc', 'a.b.txt')
    """
    return DATED.sub("", name)


def _cut(text: str, max_bytes: int) -> str:
    """The longest beginning of a text that has at most `max_bytes`.

    >>> _cut("données", 5)
    'donn'
    """
    while len(os.fsencode(text)) > max_bytes:
        text = text[:-1]
    return text


def _renameat2(source: Path, target: Path, flags: int) -> bool:
    """Call Linux' renameat2; False if the kernel or the file system does not support the flags."""
    call = _system_call()
    if call is None:
        return False
    if call(AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(source), None, str(target))


@functools.cache
def _system_call() -> Any:  # noqa: ANN401 - ctypes has no types
    """The C library's renameat2; None if it has none."""
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
