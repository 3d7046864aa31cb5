"""Names of what is being written, and what writers that were killed left behind.

A name says who writes: the machine, a short id of its boot, the PID namespace (a container has its own) and the PID.
Only where machine, boot and namespace are ours does a PID that is gone prove that the writer is dead.
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

PARTIAL, OLD = "partial", "old"  # half-written; on its way out of its place, or into it
DAY = 24 * 60 * 60  # s without a change, after which nobody is still writing
ROOM = 90  # bytes that a name of ours has beside that of the output
NAME = re.compile(
    rf"\.(?P<name>.+)\.(?P<place>[\w-]+\.[\w-]+\.\d+)\.(?P<pid>\d+)\.(?P<state>{PARTIAL}|{OLD})(\.\w+)?", re.DOTALL
)


@dataclass(frozen=True)
class Leftover:
    """What a writer left: where it is, the output that it was for, and its state, PARTIAL or OLD."""

    path: Path
    output: Path
    state: str


def hidden_path(path: Path, state: str, suffix: str = "") -> Path:
    """The name of an output while this process makes it or takes it away."""
    return path.with_name(f".{_short(path.name)}.{_place()}.{os.getpid()}.{state}{suffix}")


def clear_leftovers(folder: Path, ours: Callable[[Path, Path], bool]) -> None:
    """Put right what killed writers left in a folder, and say so.

    What was on its way out of its place goes back where that is empty. Otherwise it is removed if it is ours, and kept
    under a dated name if not.

    Args:
        folder: Where to look, not below.
        ours: Of a file or folder, and the output that it was: whether we wrote it and nobody changed it.
    """
    for leftover in _abandoned(folder):
        path, output = leftover.path, leftover.output
        if leftover.state == OLD and not os.path.lexists(output):
            move(path, output)
            _say(f"{output}: put back, a killed writer left it as {path.name}")
        elif leftover.state == PARTIAL or ours(path, output):
            remove(path)
            _say(f"{path}: removed, a killed writer left it half-done")
        else:
            _say(f"{put_aside(path, output)}: kept, a killed writer left it as {path.name}")


def _abandoned(folder: Path) -> Iterator[Leftover]:
    """What nobody is working on."""
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        match = NAME.fullmatch(name) if name.startswith(".") else None
        if match and _dead(folder / name, match["place"], int(match["pid"])):
            yield Leftover(folder / name, folder / match["name"], match["state"])


def _dead(path: Path, place: str, pid: int) -> bool:
    if place == _place():
        return pid == os.getpid() or not _alive(pid)
    return time.time() - _changed(path) > DAY


def _changed(path: Path) -> float:
    """When a file, or anything in a folder, changed last."""
    below = (Path(base, name) for base, folders, files in os.walk(path) for name in (*folders, *files))
    latest = 0.0
    for each in (path, *below):
        try:
            latest = max(latest, each.lstat().st_mtime)
        except FileNotFoundError:  # somebody is at work
            return time.time()
    return latest


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@functools.cache
def _place() -> str:
    """Where this process runs: machine, boot, PID namespace."""
    host = re.sub(r"[^\w-]", "-", socket.gethostname(), flags=re.ASCII)[:32] or "-"
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        space = re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))
    except OSError:  # no Linux
        boot, space = "-", "0"
    return f"{host}.{boot}.{space}"


def _short(name: str) -> str:
    """A name, or its beginning with a checksum, that leaves room for the rest of ours."""
    if len(os.fsencode(name)) <= MAX_NAME_BYTES - ROOM:
        return name
    return f"{name[:30]}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


def _say(text: str) -> None:
    print(f"boxsup: {text}", file=sys.stderr)
