"""How the pixel and graph loops of this package are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a loop with numba, once a machine: the result is cached beside the module.

    No `parallel` and no `fastmath`: results must not depend on the number of cores or the width of their vectors.
    Shards are what runs in parallel.
    """
    return cast(F, numba.njit(cache=True)(function))
