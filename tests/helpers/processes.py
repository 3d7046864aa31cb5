"""Calls for the tests of worker processes: workers import them by name."""

from __future__ import annotations

import os
import time
from pathlib import Path


def stay(folder: str) -> None:
    """Leave a file named after this process, and sleep."""
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)
