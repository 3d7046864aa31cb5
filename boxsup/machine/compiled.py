"""How the pixel and graph loops of this package are compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numba
from numba.core import event

from boxsup.machine.environment import user_temp_folder

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a loop with numba, once a machine: the result is cached beside the module.

    Where that cannot be written to, it is cached in the user's cache folder or, without one, in a folder for temporary
    files that is the user's alone; where there is none either, every process compiles anew.

    No `parallel` and no `fastmath`: results must not depend on the number of cores or the width of their vectors.
    Shards are what runs in parallel.
    """
    try:
        return cast(F, numba.njit(cache=True)(function))
    except RuntimeError:  # no place for a cache
        folder = user_temp_folder()
        numba.config.CACHE_DIR = str(folder / "numba") if folder else ""  # type: ignore[attr-defined] # set by numba from its environment
        return cast(F, numba.njit(cache=folder is not None)(function))


class _First(event.Listener):
    """Calls a function when the first compilation begins; loops that come from the cache are not compiled."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def on_start(self, event: event.Event) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()

    def on_end(self, event: event.Event) -> None:
        pass


@contextmanager
def when_compiling(call: Callable[[], None]) -> Iterator[None]:
    """Within the block, call a function once if a loop has to be compiled, before the wait for it."""
    with event.install_listener("numba:compile", _First(call)):
        yield
