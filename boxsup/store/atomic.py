"""Outputs that are either whole or not there, even after `kill -9` or on a full disk."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from boxsup.machine.stopping import removed_at_end
from boxsup.store.leftovers import OLD, PARTIAL, hidden_path
from boxsup.store.ownership import Claims, current_claims
from boxsup.store.renames import exchange, move

# Faults of one output: of its name, or of what has this name. With others, such as a full disk, the next fails, too.
OF_ONE_NAME = frozenset(
    getattr(errno, name)
    for name in ("ENAMETOOLONG", "EILSEQ", "EINVAL", "EISDIR", "ENOTDIR", "EEXIST", "ENOTEMPTY", "EPERM")
)
LIBRARY = Claims(by_snakemake=True)  # without a command there are no claims: our functions replace what is at a path


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], suffix: str = "") -> Iterator[Path]:
    """Write a file or folder under a hidden name beside its path, and move it to its path at the end.

    What is at `path` is replaced in one step, if the file system can. A command keeps it under a dated name unless it
    is ours (`boxsup.store.ownership`). What killed writers left in the folder is put right first.

    Args:
        path: Where the finished file or folder shall be.
        suffix: What the hidden name ends in, for libraries that take the format from it.

    Yields:
        The hidden path; nothing exists there yet.

    Raises:
        OSError: The output cannot be written; the error names `path`.
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
        _put_in_place(partial, path, claims or LIBRARY)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 text file, whole or not at all; bytes of names of files that are not UTF-8 are escaped."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file, whole or not at all."""
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def discard(path: str | os.PathLike[str]) -> None:
    """Remove a file if it exists; a command keeps it under a dated name unless it is ours."""
    path = Path(path)
    old = hidden_path(path, OLD)
    with _naming(path, old), contextlib.suppress(FileNotFoundError):
        path.rename(old)
        (current_claims() or LIBRARY).dispose(old, path)


def _put_in_place(partial: Path, path: Path, claims: Claims) -> None:
    """Move a finished output to its path."""
    digest = claims.record(path, partial)
    try:
        move(partial, path)
    except FileExistsError:
        if claims.by_snakemake and not (partial.is_dir() and path.is_dir()):
            partial.replace(path)
        else:
            _replace(partial, path, claims)
    claims.confirm(path, digest)


def _replace(partial: Path, path: Path, claims: Claims) -> None:
    """Replace what is at `path`; if the file system can exchange names, `path` is never empty."""
    old = hidden_path(path, OLD)
    # If we are killed, whatever has the name `partial` is removed unseen; what has the name `old` is looked at first.
    hidden = partial if claims.by_snakemake else old
    partial.rename(hidden)
    try:
        if exchange(hidden, path):
            claims.dispose(hidden, path)
            return
    except OSError:
        hidden.rename(partial)
        raise
    hidden.rename(partial)
    path.rename(old)
    try:
        partial.rename(path)
    except OSError:
        old.rename(path)
        raise
    claims.dispose(old, path)


@contextlib.contextmanager
def _naming(path: Path, partial: Path) -> Iterator[None]:
    """Let errors of the system name the output, not its hidden path."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else os.fspath(path)
        for hidden in (partial, hidden_path(path, OLD)):
            name = name.replace(os.fspath(hidden), os.fspath(path))
        raise OSError(error.errno, error.strerror, name) from error
