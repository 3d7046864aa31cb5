"""What ends a command before its time: Ctrl-C, a scheduler's SIGTERM, a terminal that goes away.

Python's own way, an exception in whatever line is being run, gets lost where that is a finaliser or a library's
callback. So the handler itself does all that there is to do, wherever it is called, and ends the process; nothing
depends on what the interrupted lines make of it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FROM_TERMINAL = (signal.SIGINT, signal.SIGHUP)  # which it sends to all processes of a command
PATIENCE = 10.0  # s for processes that were started here to take back what is theirs

_unfinished: list[Path] = []  # what this process is in the middle of writing


def stop_at_signals() -> None:
    """From here on, signals stop this process at once: nothing half-written, no traceback, status 128 + signal.

    Those that who started it has it ignore (`nohup`, a shell's background jobs) stay ignored. At the very end, when
    everything is done, all are: Python takes its handlers back before it is gone.
    """
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    atexit.register(_ignore)


@contextlib.contextmanager
def removed_at_end(path: Path) -> Iterator[None]:
    """Remove a file or folder at the end of a block, however it ends, also where a signal ends the process inside it.

    Args:
        path: It need not be there, at the start or at the end.
    """
    _unfinished.append(path)
    try:
        yield
    finally:
        remove(path)
        _unfinished.remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there."""
    import shutil  # costs time before handlers are there

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def terminal_signals_blocked() -> Iterator[None]:
    """Processes that are started in a block, by this thread, leave a terminal's signals to this one, which ends them.

    They would print tracebacks while they are imported, before a handler of ours.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, FROM_TERMINAL)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _stop(number: int, frame: FrameType | None) -> None:
    _ignore()  # the first one counts
    status = 128 + number
    try:
        with contextlib.suppress(Exception):
            _end_children()
        if _unfinished:
            # Another program takes the place of this one: threads that still write have ended when it removes things.
            remover = f'rm -rf -- "$@" 2> {os.devnull}; exit {status}'
            os.execv("/bin/sh", ["sh", "-c", remover, "sh", *map(os.fspath, _unfinished)])
    finally:
        os._exit(status)


def _end_children() -> None:
    """End the processes of this one: politely, as one of them may write; those that do not listen, with force."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    children = multiprocessing.active_children() if multiprocessing else []
    for child in children:
        child.terminate()
    deadline = time.monotonic() + PATIENCE
    for child in children:
        child.join(max(0.0, deadline - time.monotonic()))
        child.kill()
