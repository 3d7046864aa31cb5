"""The hidden names under which outputs are written, and what killed writers left under them.

A hidden name says who writes: `.NAME.HOST.BOOT.NAMESPACE.PID.STATE`, where BOOT is a short id of the machine's boot and
NAMESPACE its PID namespace (each container has its own). A PID that is gone proves that the writer is dead only where
host, boot and namespace are those of this process.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from boxsup.machine.stopping import remove
from boxsup.store.renames import MAX_NAME_BYTES, move, put_aside

PARTIAL, OLD = "partial", "old"  # the states: half-written; being moved away from its path, or to it
DAY = 24 * 60 * 60  # seconds without a change, after which the writer of an unknown machine counts as dead
RESERVED_BYTES = 90  # of a hidden name, for all but the output's own name
NAME = re.compile(
    rf"\.(?P<name>.+)\.(?P<place>[\w-]+\.[\w-]+\.\d+)\.(?P<pid>\d+)\.(?P<state>{PARTIAL}|{OLD})(\.\w+)?", re.DOTALL
)


@dataclass(frozen=True)
class Leftover:
    """An output that a killed writer left under a hidden name.

    Attributes:
        path: The hidden path.
        output: The path that it was written for, or was moved away from.
        state: PARTIAL or OLD.
    """

    path: Path
    output: Path
    state: str


def hidden_path(path: Path, state: str, suffix: str = "") -> Path:
    """The hidden path of an output while this process is in the middle of writing or replacing it.

    Args:
        path: The output's path.
        state: PARTIAL or OLD.
        suffix: What the hidden name ends in, for libraries that take the format from it.

    Example:
        >>> hidden_path(Path("labels/001.zarr"), PARTIAL).name.startswith(".001.zarr.")
        True
    """
    return path.with_name(f".{_shortened(path.name)}.{_this_place()}.{os.getpid()}.{state}{suffix}")


def clear_leftovers(folder: Path, is_ours: Callable[[Path, Path], bool]) -> None:
    """Put right what killed writers left in a folder, and print a line for each.

    - An output that was being moved away goes back, if its path is empty.
    - Otherwise it is removed if it is ours, and kept under a dated name if not.
    - What is half-written is removed.

    Args:
        folder: Where to look; folders in it are not searched.
        is_ours: Called with a hidden path and its output's path: whether we wrote what is there and nobody changed it.
    """
    for leftover in _abandoned(folder):
        path, output = leftover.path, leftover.output
        if leftover.state == OLD and not os.path.lexists(output):
            move(path, output)
            _report(f"{output}: put back, a killed writer left it as {path.name}")
        elif leftover.state == PARTIAL or is_ours(path, output):
            remove(path)
            _report(f"{path}: removed, a killed writer left it half-done")
        else:
            _report(f"{put_aside(path, output)}: kept, a killed writer left it as {path.name}")


def _abandoned(folder: Path) -> Iterator[Leftover]:
    """The leftovers in a folder whose writers are dead."""
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        match = NAME.fullmatch(name) if name.startswith(".") else None
        if match and _is_dead(folder / name, match["place"], int(match["pid"])):
            yield Leftover(folder / name, folder / match["name"], match["state"])


def _is_dead(path: Path, place: str, pid: int) -> bool:
    """Whether the writer of a hidden path is dead; one that we cannot see is, after a day without a change."""
    if place == _this_place():
        return pid == os.getpid() or not _is_running(pid)
    return time.time() - _last_change(path) > DAY


def _last_change(path: Path) -> float:
    """The time of the last change of a file, or of anything in a folder, in seconds since the epoch."""
    below = (Path(base, name) for base, folders, files in os.walk(path) for name in (*folders, *files))
    latest = 0.0
    for entry in (path, *below):
        try:
            latest = max(latest, entry.lstat().st_mtime)
        except FileNotFoundError:  # its writer is at work
            return time.time()
    return latest


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as another user
        return True
    return True


@functools.cache
def _this_place() -> str:
    """`HOST.BOOT.NAMESPACE` of this process."""
    host = re.sub(r"[^\w-]", "-", socket.gethostname(), flags=re.ASCII)[:32] or "-"
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        namespace = re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))
    except OSError:  # not Linux
        boot, namespace = "-", "0"
    return f"{host}.{boot}.{namespace}"


def _shortened(name: str) -> str:
    """An output's name if the hidden name has room for it; otherwise its beginning and a hash."""
    if len(os.fsencode(name)) <= MAX_NAME_BYTES - RESERVED_BYTES:
        return name
    return f"{name[:30]}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


def _report(text: str) -> None:
    print(f"boxsup: {text}", file=sys.stderr)
