"""The command line: one thin subcommand a stage, each imported only when it is asked for."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import resource
import shlex
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from typing import NoReturn

from boxsup.commands.outputs import guarded
from boxsup.commands.parser import make_parser
from boxsup.errors import BoxSupError
from boxsup.machine.environment import set_environment
from boxsup.machine.memory import keep_freed_memory
from boxsup.near import did_you_mean, nearest
from boxsup.stages import COMMANDS

set_environment()  # before a stage's module imports what reads it


def main(argv: Sequence[str] | None = None) -> None:
    """Run one stage; a user's mistake prints one line and exits with status 1, a bug keeps its traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    threading.excepthook = _thread_failed
    for stream in (sys.stdout, sys.stderr):  # names of files may be any bytes, and a terminal's letters few
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    keep_freed_memory()
    verbose = False
    try:
        args = _parse(arguments)
        verbose = args.verbose
        with _telling(args), guarded(args):
            args.run(args)
    except BoxSupError as error:
        _fail(str(error), verbose)
    except BrokenPipeError:
        # Who reads our output has gone (`boxsup … | head`): nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno is None:  # of no system call
            raise
        place, reason = os.fsdecode(error.filename or "the output"), os.strerror(error.errno)
        _fail(f"{place}: {reason}; nothing was left half-written, free space or fix it and run again", verbose)


def _parse(arguments: list[str]) -> argparse.Namespace:
    named = [name for name in COMMANDS if arguments[: len(name.split())] == name.split()]
    parser, commands = make_parser(named)
    known = {name.split()[0] for name in COMMANDS}
    if arguments and not arguments[0].startswith("-") and arguments[0] not in known:
        parser.error(f"there is no command '{arguments[0]}'{did_you_mean(nearest(arguments[0], known, 1))}")
    args, unknown = parser.parse_known_args(arguments)
    if not named:  # an option between the words of a command
        parser.error("expected the command before its options")
    if unknown:
        command = commands[named[0]]
        options = [option for action in command._actions for option in action.option_strings]
        near = did_you_mean(nearest(unknown[0].partition("=")[0], options, 1))
        command.error(f"unknown argument {shlex.join(unknown)}{near}")
    return args


def _telling(args: argparse.Namespace) -> contextlib.AbstractContextManager[None]:
    """How much is said while a command runs."""
    if args.quiet:
        return _quiet()
    return _verbose(args) if args.verbose else contextlib.nullcontext()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let nothing be said, neither words nor bars; errors are said after it."""
    with open(os.devnull, "w", errors="backslashreplace") as nowhere, contextlib.redirect_stderr(nowhere):
        yield


@contextlib.contextmanager
def _verbose(args: argparse.Namespace) -> Iterator[None]:
    """Say what is run, and at the end what it took."""
    for name, value in sorted(vars(args).items()):
        if name not in ("run", "outputs", "written", "quiet", "verbose"):
            print(f"boxsup: {name} = {value}", file=sys.stderr)
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
    print(f"boxsup: {seconds:.1f} s, at most {peak:.0f} MiB of memory without its workers", file=sys.stderr)


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """Say nothing of a thread that cannot write, as TensorBoard's: the main one meets the same error and tells it."""
    if not (isinstance(failure.exc_value, OSError) and failure.exc_value.errno is not None):
        threading.__excepthook__(failure)


def _fail(message: str, verbose: bool) -> NoReturn:
    if verbose:
        traceback.print_exc()
    print(f"boxsup: error: {message}", file=sys.stderr)
    sys.exit(1)
