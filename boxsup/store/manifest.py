"""Manifests: the SHA-256 of each file that we wrote, which proves that a file is ours and nobody changed it since.

There are three kinds, all in the format of `sha256sum`:

- LEDGER, in a folder into which a command writes files one by one. A line is added before its file takes its path, and
  several lines may stand for one name: a file is ours if its hash is any of them. So neither `kill -9` nor a full disk
  makes our file look like a user's, or a user's like ours.
- SEAL, in a folder that a command writes as a whole: the hashes of its files.
- The checksums that a store has anyway (`boxsup.store.checksums`).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from boxsup.errors import StoreError
from boxsup.store.checksums import CHECKSUMS, STAMP, sha256_of
from boxsup.store.leftovers import PARTIAL, hidden_path

LEDGER, SEAL = ".boxsup.sha256", ".boxsup-folder.sha256"
LINE = re.compile(r"(\\?)([0-9a-f]{64})  (.+)")
ESCAPES = {"\\": r"\\", "\n": r"\n", "\r": r"\r"}

Snapshot = dict[str, tuple[int, int, int, int]]  # name -> type and mode, inode, size, time of the last change in ns


class Ledger:
    """The hashes of the files that commands write into a folder one by one."""

    def __init__(self, folder: Path) -> None:
        """Read the ledger of a folder; neither of them need exist yet."""
        self._path = folder / LEDGER
        self._file: int | None = None  # open while this command adds lines
        self._hashes: dict[str, dict[str, None]] = {}  # name -> its hashes, in the order in which they were added
        self._confirmed: dict[str, str] = {}
        self._bytes_read = 0
        self._read()

    def proves(self, name: str, path: Path) -> bool:
        """Whether the file at `path` has a hash that was recorded under a name."""
        self._read()  # another command may have added lines meanwhile
        return name in self._hashes and sha256_of(path) in self._hashes[name]

    def has(self, name: str) -> bool:
        """Whether any hash was recorded under a name."""
        return name in self._hashes

    @property
    def names(self) -> Iterable[str]:
        """All names under which a hash was recorded."""
        return self._hashes.keys()

    def record(self, name: str, digest: str) -> None:
        """Add the hash of a file that is about to take its path."""
        hashes = self._hashes.setdefault(name, {})
        if digest not in hashes:
            self._append(_format_line(name, digest))
            hashes[digest] = None

    def confirm(self, name: str, digest: str) -> None:
        """Note that the file is in place: `close` drops the older hashes of its name."""
        self._confirmed[name] = digest

    def close(self) -> None:
        """Rewrite the ledger in order, one line per confirmed file, unless another command has it open."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):  # without it the ledger is as true, only longer
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read()
            for name, digest in self._confirmed.items():
                self._hashes[name] = {digest: None}
            self._rewrite()
        os.close(self._file)
        self._file = None

    def _read(self) -> None:
        if self._path.is_symlink() or not self._path.is_file():
            return
        size = self._path.stat().st_size
        if size == self._bytes_read:
            return
        self._bytes_read = size
        for name, digest in _read_lines(self._path):
            self._hashes.setdefault(name, {})[digest] = None

    def _append(self, line: bytes) -> None:
        if self._file is None:
            self._file = _open_ledger(self._path)
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":  # a full disk cut the last line short
                line = b"\n" + line
        if os.write(self._file, line) != len(line):
            os.write(self._file, b"\n")  # raises the error that explains the short write: the disk is full

    def _rewrite(self) -> None:
        partial = hidden_path(self._path, PARTIAL)
        try:
            lines = [_format_line(name, digest) for name, hashes in sorted(self._hashes.items()) for digest in hashes]
            partial.write_bytes(b"".join(lines))
            partial.replace(self._path)
        finally:
            partial.unlink(missing_ok=True)


def names_written(folder: Path) -> frozenset[str]:
    """The names in the ledger of a folder: what commands wrote into it and below it, file by file."""
    return frozenset(Ledger(folder).names)


def write_seal(folder: Path) -> None:
    """Write the hashes of a folder's files into it; a store has its checksums already."""
    if not is_store(folder):
        names = sorted(name for name in take_snapshot(folder) if not name.endswith("/"))
        (folder / SEAL).write_bytes(b"".join(_format_line(name, sha256_of(folder / name)) for name in names))


def take_snapshot(path: Path) -> Snapshot:
    """The state of a file or folder, as far as it shows without reading any file.

    Two equal snapshots mean that nobody changed anything in between, other than the name of `path`.

    Returns:
        For a file, or a link: its state under the name "". For a folder: the state of each file in it under the file's
        relative path, and of each empty folder under its path with a `/` at the end.

    Raises:
        OSError: Something cannot be looked at.
    """
    if path.is_symlink() or not path.is_dir():
        return {"": _state(path)}
    snapshot = {}
    for base, folders, files in os.walk(path, onerror=_raise):
        paths = [os.path.join(base, name) for name in files]
        paths += [link for name in folders if os.path.islink(link := os.path.join(base, name))]
        snapshot.update({os.path.relpath(file, path): _state(Path(file)) for file in paths})
        if not folders and not files and base != str(path):
            snapshot[f"{os.path.relpath(base, path)}/"] = _state(Path(base))
    return {name: state for name, state in snapshot.items() if name not in (SEAL, STAMP)}


def foreign_files(folder: Path, names: Iterable[str]) -> list[str]:
    """The names in a folder's snapshot that we did not write, or that were changed since."""
    hashes = _hashes_of(folder)
    return [name for name in names if not _is_proved(folder, name, hashes)]


def is_regular(state: tuple[int, int, int, int]) -> bool:
    """Whether an entry of a snapshot is a regular file: no link, folder or pipe.

    >>> is_regular((stat.S_IFREG | 0o644, 0, 0, 0)), is_regular((stat.S_IFLNK | 0o777, 0, 0, 0))
    (True, False)
    """
    return stat.S_ISREG(state[0])


def is_store(folder: Path) -> bool:
    """Whether a folder is a store of ours: a zarr group with the attributes that all of ours have, and checksums."""
    try:
        attributes = json.loads((folder / "zarr.json").read_bytes())["attributes"]
        return (folder / CHECKSUMS).is_file() and {"kind", "images"} <= attributes.keys()
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def _hashes_of(folder: Path) -> Mapping[str, set[str]]:
    """Name -> hashes, from the seal or the checksums of a folder; empty if it has neither."""
    store = is_store(folder)
    hashes: dict[str, set[str]] = {}
    with contextlib.suppress(OSError):
        for name, digest in _read_lines(folder / (CHECKSUMS if store else SEAL)):
            hashes.setdefault(name, set()).add(digest)
        if store:
            hashes.setdefault(CHECKSUMS, set()).add(sha256_of(folder / CHECKSUMS))
    return hashes


def _is_proved(folder: Path, name: str, hashes: Mapping[str, set[str]]) -> bool:
    path = folder / name
    try:
        return name in hashes and not path.is_symlink() and path.is_file() and sha256_of(path) in hashes[name]
    except OSError:
        return False


def _state(path: Path) -> tuple[int, int, int, int]:
    status = path.lstat()
    return status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns


def _open_ledger(path: Path) -> int:
    """Open a ledger to append to it, with a shared lock, so that no other command's `close` rewrites it meanwhile."""
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
        raise StoreError(f"{path}: not a file; boxsup records there what it has written, take it away")
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_SH)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), path.lstat()):  # else it was replaced before it was locked
                return file
        os.close(file)


def _format_line(name: str, digest: str) -> bytes:
    r"""A line as `sha256sum` writes it.

    >>> _format_line("a.png", "0123")
    b'0123  a.png\n'
    """
    escaped = "".join(ESCAPES.get(character, character) for character in name)
    return os.fsencode(f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n")


def _read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The name and hash of each line that `sha256sum` could have written; damaged lines are skipped."""
    characters = {escaped: character for character, escaped in ESCAPES.items()}
    for line in os.fsdecode(path.read_bytes()).split("\n"):
        if match := LINE.fullmatch(line):
            name = match[3]
            yield re.sub(r"\\[\\nr]", lambda escape: characters[escape[0]], name) if match[1] else name, match[2]


def _raise(error: OSError) -> None:
    raise error
