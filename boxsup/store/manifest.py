"""What proves that we wrote a file or folder, and that nobody changed it since: the SHA-256 of each file.

A folder into which files are written one by one has them in LEDGER: a line is added before its file appears, and a
file is ours if it has any of the hashes that stand there under its name. So neither `kill -9` nor a full disk makes a
file of ours look like a stranger's, or a stranger's like ours. A folder that appears whole has its files' hashes in
SEAL, and a store in its checksums. All are in the form of `sha256sum`.
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

Snapshot = dict[str, tuple[int, int, int, int]]  # name -> type and mode, inode, size, time of the last change


class Ledger:
    """The hashes of the files that are written into a folder one by one."""

    def __init__(self, folder: Path) -> None:
        """Read what is known of a folder, which need not be there yet."""
        self._path = folder / LEDGER
        self._file: int | None = None
        self._known: dict[str, dict[str, None]] = {}
        self._last: dict[str, str] = {}
        self._size = 0  # of what was read
        self._read()

    def holds(self, name: str, path: Path) -> bool:
        """Whether the file at `path` is one that was written here under this name."""
        self._read()  # another command may be at work here
        return name in self._known and sha256_of(path) in self._known[name]

    def knows(self, name: str) -> bool:
        """Whether a file was written here under this name."""
        return name in self._known

    def add(self, name: str, digest: str) -> None:
        """Note a file that is about to appear."""
        known = self._known.setdefault(name, {})
        if digest not in known:
            self._append(_line(name, digest))
            known[digest] = None

    def appeared(self, name: str, digest: str) -> None:
        """Note that it has: older hashes under its name are no longer needed."""
        self._last[name] = digest

    def close(self) -> None:
        """Keep one line of each file that was written, in order, unless another command is at work here."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):  # the file is right as it is, only longer
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read()
            for name, digest in self._last.items():
                self._known[name] = {digest: None}
            self._rewrite()
        os.close(self._file)
        self._file = None

    def _read(self) -> None:
        if self._path.is_symlink() or not self._path.is_file():
            return
        size = self._path.stat().st_size
        if size == self._size:
            return
        self._size = size
        for name, digest in _lines(self._path):
            self._known.setdefault(name, {})[digest] = None

    def _append(self, line: bytes) -> None:
        if self._file is None:
            self._file = _open(self._path)
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":  # a full disk cut a line short
                line = b"\n" + line
        if os.write(self._file, line) != len(line):
            os.write(self._file, b"\n")  # says what is wrong: the disk is full

    def _rewrite(self) -> None:
        partial = hidden_path(self._path, PARTIAL)
        try:
            lines = [_line(name, digest) for name, known in sorted(self._known.items()) for digest in known]
            partial.write_bytes(b"".join(lines))
            partial.replace(self._path)
        finally:
            partial.unlink(missing_ok=True)


def write_seal(folder: Path) -> None:
    """Write into a folder what its files are; a store has its checksums already."""
    if not is_store(folder):
        names = sorted(name for name in take_snapshot(folder) if not name.endswith("/"))
        (folder / SEAL).write_bytes(b"".join(_line(name, sha256_of(folder / name)) for name in names))


def take_snapshot(path: Path) -> Snapshot:
    """What can be told of a file or folder without reading it; of a folder each file, and each folder that is empty.

    Equal looks, but for `path` itself: nobody changed anything meanwhile.
    """
    if path.is_symlink() or not path.is_dir():
        return {"": _status(path)}
    found = {}
    for base, folders, files in os.walk(path, onerror=_raise):
        below = [os.path.join(base, name) for name in files]
        below += [link for name in folders if os.path.islink(link := os.path.join(base, name))]
        found.update({os.path.relpath(each, path): _status(Path(each)) for each in below})
        if not folders and not files and base != str(path):
            found[f"{os.path.relpath(base, path)}/"] = _status(Path(base))
    return {name: status for name, status in found.items() if name not in (SEAL, STAMP)}


def foreign_files(folder: Path, seen: Iterable[str]) -> list[str]:
    """Of the names that `look` saw in a folder: what we did not write, or was changed since."""
    known = _contents(folder)
    return [name for name in seen if not _is_known(folder, name, known)]


def is_regular(status: tuple[int, int, int, int]) -> bool:
    """Whether what was looked at is a file, and no link, folder or pipe."""
    return stat.S_ISREG(status[0])


def is_store(folder: Path) -> bool:
    """Whether a folder is a store of ours: a group with what all of ours have, and checksums."""
    try:
        attributes = json.loads((folder / "zarr.json").read_bytes())["attributes"]
        return (folder / CHECKSUMS).is_file() and {"kind", "images"} <= attributes.keys()
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def _contents(folder: Path) -> Mapping[str, set[str]]:
    """Name -> its hashes, by what proves a folder; none for a folder of somebody else's."""
    store = is_store(folder)
    known: dict[str, set[str]] = {}
    with contextlib.suppress(OSError):
        for name, digest in _lines(folder / (CHECKSUMS if store else SEAL)):
            known.setdefault(name, set()).add(digest)
        if store:
            known.setdefault(CHECKSUMS, set()).add(sha256_of(folder / CHECKSUMS))
    return known


def _is_known(folder: Path, name: str, known: Mapping[str, set[str]]) -> bool:
    path = folder / name
    try:
        return name in known and not path.is_symlink() and path.is_file() and sha256_of(path) in known[name]
    except OSError:
        return False


def _status(path: Path) -> tuple[int, int, int, int]:
    status = path.lstat()
    return status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns


def _open(path: Path) -> int:
    """A ledger to append to, locked against `close` of another command; the one that is there when it is locked."""
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
        raise StoreError(f"{path}: not a file; boxsup keeps there what it has written, take it away")
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_SH)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), path.lstat()):
                return file
        os.close(file)


def _line(name: str, digest: str) -> bytes:
    """A line as `sha256sum` writes it."""
    escaped = "".join(ESCAPES.get(sign, sign) for sign in name)
    return os.fsencode(f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n")


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """The names and hashes of a file of `sha256sum`; lines that are damaged are passed over."""
    plain = {escaped: sign for sign, escaped in ESCAPES.items()}
    for line in os.fsdecode(path.read_bytes()).split("\n"):
        if match := LINE.fullmatch(line):
            name = match[3]
            yield re.sub(r"\\[\\nr]", lambda found: plain[found[0]], name) if match[1] else name, match[2]


def _raise(error: OSError) -> None:
    raise error
