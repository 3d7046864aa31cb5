"""Compiles the loops of this package over pixels and graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numba
from numba.core import event

from boxsup.machine.environment import user_temp_folder

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a loop with numba, once per machine; the result is cached beside the module.

    If that folder cannot be written to, the cache is numba's folder of the user, or else a temporary folder that only
    the user can write to. If there is none either, every process compiles the loop again.

    `parallel` and `fastmath` stay off: results must not depend on the number of cores or on the width of their vectors.
    The pipeline runs shards in parallel instead.
    """
    try:
        return cast(F, numba.njit(cache=True)(function))
    except RuntimeError:  # numba finds no folder for its cache
        folder = user_temp_folder()
        numba.config.CACHE_DIR = str(folder / "numba") if folder else ""  # type: ignore[attr-defined] # set by numba from its environment
        return cast(F, numba.njit(cache=folder is not None)(function))


class _FirstCompilation(event.Listener):
    """Calls a function when the first compilation begins; loading a loop from the cache is no compilation."""

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
    """Call a function before the first loop is compiled in a block; never, if all loops come from the cache."""
    with event.install_listener("numba:compile", _FirstCompilation(call)):
        yield
