"""Outputs that are either whole or not there, also after `kill -9` or with a full disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from boxsup.machine.stopping import removed_at_end
from boxsup.store.leftovers import OLD, PARTIAL, hidden_path
from boxsup.store.ownership import Claims, current_claims
from boxsup.store.renames import exchange, move

LIBRARY = Claims(by_snakemake=True)  # functions that are called without a command replace what they are told to


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], suffix: str = "") -> Iterator[Path]:
    """Write a file or folder beside its place and rename it at the end.

    What is at `path` is replaced only by what is whole, in one step where the system can; a command keeps it under a
    dated name unless it is ours (`boxsup.store.ownership`). What dead writers left is put right first.

    Args:
        path: Where the finished file or folder shall be.
        suffix: What the partial name ends in, for writers that take the format from it.

    Yields:
        The partial path; nothing exists there yet.

    Raises:
        OSError: It cannot be written; names `path`.
    """
    path = Path(path)
    claims = current_claims()
    with _naming(path, path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if claims is None:
        LIBRARY.clear(path.parent)
    partial = hidden_path(path, PARTIAL, suffix)
    with removed_at_end(partial), _naming(path, partial):
        yield partial
        _put(partial, path, claims or LIBRARY)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 text file whole or not at all; what of a name is no UTF-8 is escaped."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all."""
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def discard(path: str | os.PathLike[str]) -> None:
    """Remove a file, if it is there; a command keeps it under a dated name unless it is ours."""
    path = Path(path)
    old = hidden_path(path, OLD)
    with _naming(path, old), contextlib.suppress(FileNotFoundError):
        path.rename(old)
        (current_claims() or LIBRARY).dispose(old, path)


def _put(partial: Path, path: Path, claims: Claims) -> None:
    """Let what is whole take its place."""
    digest = claims.about_to_appear(path, partial)
    try:
        move(partial, path)
    except FileExistsError:
        if claims.by_snakemake and not (partial.is_dir() and path.is_dir()):
            partial.replace(path)
        else:
            _swap(partial, path, claims)
    claims.appeared(path, digest)


def _swap(partial: Path, path: Path, claims: Claims) -> None:
    """Replace what is at a place, at no moment of which nothing is there where the file system can exchange names."""
    old = hidden_path(path, OLD)
    # What has the partial's name is removed without a question if we are killed; what is `old` is looked at.
    aside = partial if claims.by_snakemake else old
    partial.rename(aside)
    try:
        if exchange(aside, path):
            claims.dispose(aside, path)
            return
    except OSError:
        aside.rename(partial)
        raise
    aside.rename(partial)
    path.rename(old)
    try:
        partial.rename(path)
    except OSError:
        old.rename(path)
        raise
    claims.dispose(old, path)


@contextlib.contextmanager
def _naming(path: Path, partial: Path) -> Iterator[None]:
    """Let errors of the system name the output, and not what it is called while it is made."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        own = [os.fspath(partial), os.fspath(hidden_path(path, OLD))]
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else os.fspath(path)
        for hiding in own:
            name = name.replace(hiding, os.fspath(path))
        raise OSError(error.errno, error.strerror, name) from error
