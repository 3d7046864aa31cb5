"""Imports of large libraries in the middle of a program."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def large_imports() -> Iterator[None]:
    """Within a block that imports, look for no garbage: what is imported stays, and looking takes a fifth of the time.

    `boxsup.__main__` does so for what is imported before a command runs.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
