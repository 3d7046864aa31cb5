"""GPUs of a machine, shared out among processes by locks on files.

The kernel lets go of a lock when the process that holds it ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from boxsup.errors import StoreError

POLL_SECONDS = 0.5  # s between looks at GPUs that are all taken

_held: list[int] = []  # open files, whose locks hold as long as this process lives; programs that it starts have none


def lock_folder() -> Path:
    """Where a user's locks are on this machine, whatever the project: BOXSUP_LOCKS, or a folder in /tmp."""
    return Path(os.environ.get("BOXSUP_LOCKS") or f"/tmp/boxsup-{os.getuid()}")


def lock_gpus(names: Sequence[str], count: int, folder: Path) -> list[int]:
    """Take `count` GPUs until this process ends; waits until that many are free.

    Who waits keeps others from taking any, so that nobody who needs several is overtaken for ever, or holds some while
    another holds the rest.

    Args:
        names: What there is: names that all processes agree on.
        count: How many are needed, at most as many as there are.
        folder: Of the locks, on the machine's own disk.

    Returns:
        Their indices, ascending.

    Raises:
        StoreError: The folder is another user's.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise StoreError(f"{folder}: another user's folder; set BOXSUP_LOCKS to one of your own")
    gate = _open(folder / "gate")
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        told = False
        while len(free := _free(names, count, folder)) < count:
            for file in free.values():
                os.close(file)
            if not told:
                print(f"waiting for {count} of {len(names)} GPUs to become free", file=sys.stderr, flush=True)
                told = True
            time.sleep(POLL_SECONDS)
    finally:
        os.close(gate)
    _held.extend(free.values())
    return list(free)


def _free(names: Sequence[str], count: int, folder: Path) -> dict[int, int]:
    """The first `count` that nobody has, or all if they are fewer, locked: index -> open file."""
    free: dict[int, int] = {}
    for index, name in enumerate(names):
        if len(free) == count:
            break
        file = _open(folder / name)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free[index] = file
        except BlockingIOError:
            os.close(file)
    return free


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
