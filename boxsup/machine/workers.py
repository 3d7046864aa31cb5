"""Runs work on many images in several processes, or in a thread ahead of its use, and returns results in order."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from multiprocessing import forkserver, get_context, parent_process, resource_tracker
from multiprocessing.context import BaseContext
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import Any, TypeVar

from boxsup.errors import BoxSupError
from boxsup.machine.memory import keep_freed_memory
from boxsup.machine.stopping import remove_when_stopped, terminal_signals_blocked

S = TypeVar("S")
T = TypeVar("T")
U = TypeVar("U")
WORTH_STARTING = 2.5  # seconds of work; a process takes one to start
FROZEN = "boxsup.machine.frozen"
AHEAD = 2  # calls per worker that are waiting or running, so that memory does not grow with the number of calls


def map_in_processes(
    function: Callable[..., T],
    calls: Iterable[tuple[Any, ...]],
    workers: int,
    initializer: Callable[[], None] | None = None,
    module: str | None = None,
) -> Iterator[T]:
    """Call a function in worker processes, and yield the results in the order of the calls.

    Args:
        function: A function at the top level of its module, so that it can be pickled.
        calls: The arguments of each call, which can be pickled. At most AHEAD calls per worker are taken in advance.
        workers: How many processes; results do not depend on it.
        initializer: Called once in each process.
        module: What workers share; see `worker_context`. By default the module of the function.

    Yields:
        `function(*call)` for each call.

    Raises:
        BoxSupError: A process was killed from outside.
    """
    with process_pool(workers, initializer, module or function.__module__) as executor:
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


def process_pool(
    workers: int, initializer: Callable[[], None] | None = None, module: str | None = None
) -> ProcessPoolExecutor:
    """Worker processes, which start when work is given to them and end when this process ends, even by `kill -9`.

    Args:
        workers: How many.
        initializer: Called once in each process.
        module: The module of the functions that they are to call; see `worker_context`.
    """
    return ProcessPoolExecutor(workers, worker_context(module), _start, (initializer,))


def worker_context(module: str | None = None) -> BaseContext:
    """How worker processes start: on Linux as forks of a process that has imported a module and does nothing else.

    That process starts now. Where it cannot, as in a temporary folder with a long path, each worker is a new process.

    A fork of this process would copy the state of torch's threads. A new process for each worker would import torch
    and the other libraries once a worker, seconds of a processor each, and would share no memory with the others.

    Args:
        module: What is imported before the first fork, so that all workers share it. The first call decides, since
            one process forks all workers of this one; workers import what else they need.
    """
    if sys.platform == "linux" and not sys.flags.ignore_environment:
        context = get_context("forkserver")
        context.set_forkserver_preload([name for name in (module, FROZEN) if name])
        with contextlib.suppress(OSError):  # no folder for its socket, or the socket's path would be too long
            _start_server()
            return context
    return get_context("spawn")


def _start_server() -> None:
    """Start the process that forks workers, if it does not run; stopping this one removes its socket.

    Python lets it import modules from the current folder first, where a folder or file may have the name of one of
    them. So its path is given: that of this process.
    """
    resource_tracker.ensure_running()  # its start, which is in that of the server, would unblock signals
    here = [os.path.abspath(folder) for folder in sys.path]  # "" is the current folder
    with terminal_signals_blocked(), _variables(PYTHONSAFEPATH="1", PYTHONPATH=os.pathsep.join(here)):
        forkserver.ensure_running()
    remove_when_stopped(Path(get_temp_dir()))


@contextlib.contextmanager
def _variables(**values: str) -> Iterator[None]:
    """Set variables of the environment within a block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def map_batches(
    function: Callable[[S, Sequence[U]], T],
    open_once: Callable[[], S],
    items: Iterable[U],
    size: int,
    workers: int,
) -> Iterator[T]:
    """Call a function for batches of items, with what a process opens once: stores, most often.

    Args:
        function: A function at the top level of its module; it takes what was opened, and a batch.
        open_once: Called once in each process that gets a batch. It can be pickled if there are several.
        items: The items, taken as they are needed.
        size: How many are in a batch; the last may have fewer.
        workers: How many processes; 1 works in this one. Results do not depend on it.

    Yields:
        The result for each batch, in order.

    Raises:
        BoxSupError: A process was ended from outside; or whatever a call raises.
    """
    if workers <= 1:
        opened = open_once()
        yield from (function(opened, batch) for batch in _batches(items, size))
        return
    calls = ((function, batch) for batch in _batches(items, size))
    yield from map_in_processes(_call_with_opened, calls, workers, partial(_remember, open_once), function.__module__)


def useful_processes(workers: int, items: int, seconds: float, start: float | None = None) -> int:
    """How many of the processes that a job may have are worth their start.

    Args:
        workers: How many it may have.
        items: How many items it has.
        seconds: What an item takes.
        start: Seconds of work for which a process is worth its start; by default WORTH_STARTING.

    >>> [useful_processes(8, images, 0.01) for images in (100, 1000, 100_000)]
    [1, 4, 8]
    """
    return max(1, min(workers, int(items * seconds / (WORTH_STARTING if start is None else start))))


def _batches(items: Iterable[U], size: int) -> Iterator[list[U]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


# In a worker process: what opens, and what it opened. It is called with the first batch, so that its errors are told.
_open_once: Callable[[], Any] | None = None
_opened: list[Any] = []


def _remember(open_once: Callable[[], Any]) -> None:
    global _open_once
    _open_once = open_once


def _call_with_opened(function: Callable[[Any, Sequence[U]], T], batch: Sequence[U]) -> T:
    if not _opened:
        assert _open_once is not None  # `_remember` ran
        _opened.append(_open_once())
    return function(_opened[0], batch)


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
