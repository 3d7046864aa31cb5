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
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FROM_TERMINAL = (signal.SIGINT, signal.SIGHUP)  # which it sends to all processes of a command
PATIENCE = 10.0  # s for processes that were started here to take back what is theirs
ROUNDS, PAUSE = 3, 0.02  # of taking back, s between

_undo: list[Callable[[], None]] = []  # of what this process is in the middle of


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
def taken_back(undo: Callable[[], None]) -> Iterator[None]:
    """Call `undo` at the end of a block, however it ends, also where a signal ends the process inside it.

    Args:
        undo: Removes what the block leaves half-done and nothing else; may be called at any time in it, and twice.
    """
    _undo.append(undo)
    try:
        yield
    finally:
        undo()
        _undo.remove(undo)


@contextlib.contextmanager
def spared() -> Iterator[None]:
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
    try:
        _each((_end_children,))
        # Again after a moment: a thread that was writing may have made anew what had just been removed.
        for _ in range(ROUNDS if _undo else 0):
            _each(reversed(_undo))
            time.sleep(PAUSE)
    finally:
        os._exit(128 + number)


def _each(steps: Iterable[Callable[[], None]]) -> None:
    for step in steps:
        with contextlib.suppress(Exception):
            step()


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
