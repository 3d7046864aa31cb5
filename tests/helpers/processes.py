"""Calls for the tests of worker processes: workers import them by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import boxsup


def stay(folder: str) -> None:
    """Leave a file named after this process, and sleep."""
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)


def be_killed(*_: object) -> None:
    """End this process as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def worker_facts() -> list[str]:
    """The file from which this process has imported boxsup, and the signals that it blocks."""
    return [str(boxsup.__file__), *sorted(one.name for one in signal.pthread_sigmask(signal.SIG_BLOCK, []))]
