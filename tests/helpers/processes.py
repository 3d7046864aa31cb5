"""Calls for the tests of worker processes: workers import them by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil

import boxsup


def stay(folder: str) -> None:
    """Leave a file named after this process, and sleep."""
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)


def ended(process: psutil.Process, patience: float = 120) -> bool:
    """Whether a process ends; a zombie has ended, whoever collects it and when."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def be_killed(*_: object) -> None:
    """End this process as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def worker_facts() -> list[str]:
    """The file from which this process has imported boxsup, and the signals that it blocks."""
    return [str(boxsup.__file__), *sorted(one.name for one in signal.pthread_sigmask(signal.SIG_BLOCK, []))]
