"""Feeds broken files to a reader, each input made from a seed, and watches time, memory and what else is touched."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import tempfile
import traceback
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from targets import TARGETS, Target

from boxsup.errors import BoxSupError

SECONDS = 5  # of processor time that one input may take: a busy machine must not look like a hang
MEMORY = 2**30  # bytes that the process may hold at its peak, its libraries included
WATCHED = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.system", "os.exec", "os.posix_spawn"}
WATCHED |= {"subprocess.Popen", "socket.connect", "shutil.rmtree", "pickle.find_class"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class TooLong(BaseException):
    """More than SECONDS; not an Exception, so that no reader takes it for damage."""


class Watch:
    """Notes what is written, started or connected while it is on: readers do none of that."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in WATCHED or (event == "open" and isinstance(args[2], int) and args[2] & WRITING):
            self.seen.append(f"{event} {str(args)[:200]}")


@contextlib.contextmanager
def limited_time() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooLong

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def broken(target: str, seed: int, number: int, files: list[Path]) -> tuple[Path, bytes]:
    """Which file an input breaks, and what its content or its name becomes."""
    random = np.random.default_rng([seed, zlib.crc32(target.encode()), number])
    file = files[int(random.integers(len(files)))]
    whole = os.fsencode(file.name) if TARGETS[target].names else file.read_bytes()
    return file, TARGETS[target].mutate(whole, random)


@contextlib.contextmanager
def changed(file: Path, content: bytes, names: bool) -> Iterator[None]:
    """A file with other content, or by another name if the system takes that, while it is read."""
    if not names:
        whole = file.read_bytes()
        file.write_bytes(content)
        yield
        file.write_bytes(whole)
        return
    other = file.parent / os.fsdecode(content)
    try:
        made = [folder for folder in (other.parent.parent, other.parent) if not folder.exists()]
        other.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(other):
            file.rename(other)
    except OSError:  # too long, for one
        other = file
    yield
    if not file.exists():
        other.rename(file)
    for folder in reversed(made):
        folder.rmdir()


def outcome(target: Target, folder: Path, watch: Watch) -> tuple[str, str]:
    """Feed what is in a folder to a reader: "read", "refused" or "failed", and what went wrong."""
    watch.seen.clear()
    try:
        with limited_time():
            watch.on = True
            target.read(folder)
        result = "read", ""
    except BoxSupError as error:
        result = ("failed", f"an error of several lines: {error}") if "\n" in str(error) else ("refused", str(error))
    except TooLong:
        result = "failed", f"more than {SECONDS} s: {traceback.format_exc(limit=-4)}"
    except BaseException:
        result = "failed", traceback.format_exc(limit=-6)
    finally:
        watch.on = False
    if watch.seen:
        return "failed", "; ".join(watch.seen)
    if peak() > MEMORY:
        return "failed", f"{peak() / 2**20:.0f} MiB of memory"
    return result


def peak() -> int:
    """Bytes that the process has held at most; `getrusage` would count what the one that started it held, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024


WATCH = Watch()


def run(name: str, seed: int, numbers: range) -> Iterator[tuple[int, str, str]]:
    """The outcome of each input of a target; each starts from whole files, and leaves them whole."""
    target = TARGETS[name]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = target.make(folder)
        target.read(folder)  # the whole files must be right; imports and compiles
        for number in numbers:
            file, content = broken(name, seed, number, files)
            with changed(file, content, target.names):
                result = outcome(target, folder, WATCH)
            yield number, *result
