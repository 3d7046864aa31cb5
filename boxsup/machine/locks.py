"""Shares a machine's GPUs among processes, by one locked file per GPU.

The kernel releases a lock when the process that holds it ends, even by `kill -9`.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from boxsup.errors import StoreError

POLL_SECONDS = 0.5  # between two looks at GPUs that are all taken

_held: list[int] = []  # open files, locked as long as this process lives; programs that it starts do not inherit them


def lock_folder() -> Path:
    """The folder of this user's locks on this machine, for all projects: BOXSUP_LOCKS, or a folder in /tmp."""
    return Path(os.environ.get("BOXSUP_LOCKS") or f"/tmp/boxsup-{os.getuid()}")


def lock_gpus(names: Sequence[str], count: int, folder: Path) -> list[int]:
    """Take GPUs until this process ends, and wait until enough of them are free.

    Only one process waits for GPUs; the others wait for it. So a process that needs several is not overtaken for ever,
    and no two processes hold some GPUs each while they wait for the rest.

    Args:
        names: Names of the machine's GPUs, the same in all processes.
        count: How many to take, at most as many as there are.
        folder: The folder of the locks, on a disk of this machine.

    Returns:
        The indices of the GPUs that were taken, ascending.

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
        while len(free := _lock_free(names, count, folder)) < count:
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


def _lock_free(names: Sequence[str], count: int, folder: Path) -> dict[int, int]:
    """Lock the first `count` free GPUs, or all free ones if they are fewer: index -> open file."""
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
