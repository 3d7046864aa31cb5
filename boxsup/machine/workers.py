"""Runs work on many images in several processes, or in a thread ahead of its use, and returns results in order."""

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
AHEAD = 2  # calls per worker that are waiting or running, so that memory does not grow with the number of calls


def map_in_processes(
    function: Callable[..., T],
    calls: Iterable[tuple[Any, ...]],
    workers: int,
    initializer: Callable[[], None] | None = None,
) -> Iterator[T]:
    """Call a function in worker processes, and yield the results in the order of the calls.

    Args:
        function: A function at the top level of its module, so that it can be pickled.
        calls: The arguments of each call, which can be pickled. At most AHEAD calls per worker are taken in advance.
        workers: How many processes; results do not depend on it.
        initializer: Called once in each process.

    Yields:
        `function(*call)` for each call.

    Raises:
        BoxSupError: A process was killed from outside.
    """
    with process_pool(workers, initializer) as executor:
        waiting: deque[Future[T]] = deque()
        try:
            for call in calls:
                with terminal_signals_blocked():  # the executor may start a process
                    waiting.append(executor.submit(function, *call))
                if len(waiting) >= AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise BoxSupError(
                "a worker process was ended from outside, most often because memory ran out; use fewer workers, or "
                "smaller images"
            ) from error


def process_pool(workers: int, initializer: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """Worker processes, which start when work is given to them and end when this process ends, even by `kill -9`.

    Args:
        workers: How many.
        initializer: Called once in each process.
    """
    # Spawned processes, since a fork would copy the state of torch's threads.
    return ProcessPoolExecutor(workers, get_context("spawn"), _start, (initializer,))


def _start(initializer: Callable[[], None] | None) -> None:
    """Prepare a worker process. It ends when its parent ends, even by `kill -9`."""
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
    """Yield items that a thread makes in advance, while the caller works on earlier ones.

    This saves time if making an item means reading a file or running a network. Plain Python code does not run in two
    threads at once.

    Args:
        items: The items, made one after the other as the thread asks for them.
        count: How many to make in advance, at most.

    >>> list(prefetch(range(3)))
    [0, 1, 2]
    """
    iterator = iter(items)
    end: Any = object()
    thread = ThreadPoolExecutor(1)
    try:
        waiting = deque(thread.submit(next, iterator, end) for _ in range(count))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, iterator, end))
            yield item
    finally:  # the caller may stop before the last item
        thread.shutdown(cancel_futures=True)
