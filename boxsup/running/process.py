"""Starts Snakemake as a user does, and listens to it until it ends."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from boxsup.machine.stopping import SIGNALS

PLUGINS = Path(__file__).parent / "plugin"
PIPE = "BOXSUP_EVENTS"  # the plugin has this name too: it imports nothing of ours
TICK = 1.0  # s between looks at the logs of running jobs
OWN_WORDS = "Using workflow specific profile"  # of Snakemake, before it logs anything
READ = 1 << 16


class Listener(Protocol):
    """What is done with what Snakemake says."""

    def event(self, event: Mapping[str, Any]) -> None:
        """Take an event of the logger plugin."""

    def text(self, line: str) -> None:
        """Take a line that Snakemake wrote to standard error by itself."""

    def tick(self) -> None:
        """Look how far the jobs are."""


def run_snakemake(arguments: Sequence[str], listener: Listener) -> tuple[int, int]:
    """Run Snakemake to its end.

    Ctrl-C and a scheduler's SIGTERM reach Snakemake and its jobs as one SIGINT, after which it ends them and removes
    what is not whole; a second one kills them.

    Args:
        arguments: What follows `snakemake` on a command line.
        listener: What is done with what it says.

    Returns:
        Its exit status, and the number of the signal that stopped it; 0 if none did.
    """
    reading, writing = os.pipe()
    path = os.pathsep.join(filter(None, [str(PLUGINS), os.environ.get("PYTHONPATH", "")]))
    environment = os.environ | {"PYTHONPATH": path, PIPE: str(writing)}
    words = [sys.executable, "-m", "snakemake", "--logger", "boxsup", *arguments]
    with _interrupts_not_ignored():
        process = subprocess.Popen(
            words,
            env=environment,
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,  # it is no longer in the terminal's foreground
            stderr=subprocess.PIPE,
            process_group=0,
        )
    os.close(writing)
    with _passing_on(process) as stopped:
        _listen(process, reading, listener)
        status = process.wait()
    return status, stopped[0] if stopped else 0


def _listen(process: subprocess.Popen[bytes], reading: int, listener: Listener) -> None:
    """Hand on events and lines until Snakemake has ended; a job that outlives it is not waited for."""
    assert process.stderr is not None
    ways: dict[int, tuple[bytes, Callable[[str], None]]] = {
        reading: (b"", lambda line: listener.event(json.loads(line))),
        process.stderr.fileno(): (b"", lambda line: None if line.startswith(OWN_WORDS) else listener.text(line)),
    }
    with selectors.DefaultSelector() as selector, process.stderr, os.fdopen(reading, "rb"):
        for way in ways:
            os.set_blocking(way, False)
            selector.register(way, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(TICK)
            for key, _ in ready:
                rest, take = ways[key.fd]
                if data := os.read(key.fd, READ):
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        take(line.decode(errors="replace"))
                    ways[key.fd] = rest, take
                else:
                    selector.unregister(key.fd)
            if not ready and process.poll() is not None:
                break
            listener.tick()


@contextlib.contextmanager
def _interrupts_not_ignored() -> Iterator[None]:
    """Let a program that is started in the block heed SIGINT, also where a shell started us in the background."""
    before = signal.getsignal(signal.SIGINT)
    if before == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _passing_on(process: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Pass signals on to Snakemake and its jobs within a block; yields the list of those that came."""
    came: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        came.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT if len(came) == 1 else signal.SIGKILL)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, handle)
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
