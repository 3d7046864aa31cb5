"""Stopping a command before its end: Ctrl-C, a scheduler's SIGTERM, a terminal that closes.

Python's own way is to raise an exception in whatever line is running. That exception gets lost in a finaliser or in a
callback of a library. So our handler does not raise. Whatever line it interrupts, it ends the child processes, removes
what is half-written, and ends the process.
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
TERMINAL_SIGNALS = (signal.SIGINT, signal.SIGHUP)  # a terminal sends them to all processes of a command
PATIENCE = 10.0  # seconds that child processes have to remove what they are writing

_unfinished: list[Path] = []  # what this process is writing


def stop_at_signals() -> None:
    """Let signals stop this process at once: nothing half-written, no traceback, exit status 128 + signal.

    Signals that the process was started to ignore (by `nohup`, or as a background job of a shell) stay ignored. At the
    very end of the process all are ignored: Python removes its handlers some time before the process is gone.
    """
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    atexit.register(_ignore_signals)


@contextlib.contextmanager
def removed_at_end(path: Path) -> Iterator[None]:
    """Remove a file or folder when a block ends, even if a signal ends the process within the block.

    Args:
        path: The file or folder; it need not exist, neither at the start nor at the end.
    """
    _unfinished.append(path)
    try:
        yield
    finally:
        remove(path)
        _unfinished.remove(path)


def remove_when_stopped(path: Path) -> None:
    """Remove a file or folder if a signal ends the process; at its usual end others remove it."""
    if path not in _unfinished:
        _unfinished.append(path)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, if it exists."""
    import shutil  # imported late, so that the handlers are set early

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def terminal_signals_blocked() -> Iterator[None]:
    """Let processes that this thread starts in a block ignore a terminal's signals: this process ends them.

    Without it they would print tracebacks when Ctrl-C comes while they import their modules, before they set a handler.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _stop(number: int, frame: FrameType | None) -> None:
    """The handler of the signals."""
    _ignore_signals()  # only the first signal counts
    status = 128 + number
    try:
        with contextlib.suppress(Exception):
            _end_children()
        if _unfinished:
            # A shell takes the place of this process. So threads that still write are gone when it removes the files.
            remover = f'rm -rf -- "$@" 2> {os.devnull}; exit {status}'
            os.execv("/bin/sh", ["sh", "-c", remover, "sh", *map(os.fspath, _unfinished)])
    finally:
        os._exit(status)


def _end_children() -> None:
    """End the child processes: ask them first, since one may be writing, then kill those that are still there."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    children = multiprocessing.active_children() if multiprocessing else []
    for child in children:
        child.terminate()
    deadline = time.monotonic() + PATIENCE
    for child in children:
        child.join(max(0.0, deadline - time.monotonic()))
        child.kill()
