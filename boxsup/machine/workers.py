"""Work on many images in several processes or ahead in a thread, its results in order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

from boxsup.errors import BoxSupError
from boxsup.machine.memory import keep_freed_memory
from boxsup.machine.stopping import terminal_signals_blocked

T = TypeVar("T")
AHEAD = 2  # calls a worker that wait or are worked on: memory does not grow with the number of calls


def map_in_processes(
    function: Callable[..., T],
    calls: Iterable[tuple[Any, ...]],
    workers: int,
    initializer: Callable[[], None] | None = None,
) -> Iterator[T]:
    """Results of `function(*call)` for each call, in the order of the calls, made in worker processes.

    Args:
        function: At the top level of its module, as are `calls` what can be pickled.
        calls: Its arguments, taken as they are needed: AHEAD a worker at most wait with their results.
        workers: How many processes; results do not depend on it.
        initializer: Called once in each process.

    Raises:
        BoxSupError: A process was ended from outside.
    """
    # Spawned, as a fork would copy the state of torch's threads.
    start = (_start, (initializer,))
    with ProcessPoolExecutor(workers, get_context("spawn"), *start) as executor:
        waiting: deque[Future[T]] = deque()
        try:
            for call in calls:
                with terminal_signals_blocked():  # it may start a process
                    waiting.append(executor.submit(function, *call))
                if len(waiting) >= AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise BoxSupError(
                "a worker process was ended from outside, most often for want of memory; use fewer workers, or smaller "
                "images"
            ) from error


def _start(initializer: Callable[[], None] | None) -> None:
    """Prepare a worker process: it ends with the one that started it, which after `kill -9` cannot tell it to."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_freed_memory()
    if initializer is not None:
        initializer()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def prefetch(items: Iterable[T], count: int = AHEAD) -> Iterator[T]:
    """The items, each made in a thread of its own while earlier ones are worked on; `count` at most wait.

    Reading files and running a network let other threads go on meanwhile; work in Python itself does not.
    """
    iterator = iter(items)
    end: Any = object()
    thread = ThreadPoolExecutor(1)
    try:
        waiting = deque(thread.submit(next, iterator, end) for _ in range(count))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, iterator, end))
            yield item
    finally:  # also where no more items are asked for
        thread.shutdown(cancel_futures=True)
