"""The command line: one subcommand per stage, each imported only when it is asked for."""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import resource
import shlex
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from boxsup.commands.outputs import guarded
from boxsup.commands.parser import arguments_of, make_parser
from boxsup.errors import BoxSupError
from boxsup.machine.environment import set_environment
from boxsup.machine.memory import keep_freed_memory
from boxsup.near import did_you_mean, nearest
from boxsup.stages import COMMANDS, check_asked

set_environment()  # before the module of a stage imports libraries that read the environment


def main(argv: Sequence[str] | None = None) -> None:
    """Run one stage.

    A user's mistake prints one line and exits with status 1; a bug keeps its traceback.

    Args:
        argv: The arguments; None for those of the process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    threading.excepthook = _thread_failed
    for stream in (sys.stdout, sys.stderr):  # file names may be any bytes, and a terminal may lack letters
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    keep_freed_memory()
    verbose = False
    try:
        args = _parse(words)
        if not gc.isenabled():  # `boxsup.__main__` disabled it for the imports
            gc.freeze()
            gc.enable()
        verbose = args.verbose
        with _verbosity(args), guarded(args):
            args.run(**arguments_of(args))
    except BoxSupError as error:
        _fail(str(error), verbose)
    except BrokenPipeError:
        # The reader of our output has gone (`boxsup … | head`): there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno is None:  # not from a system call
            raise
        path, reason = os.fsdecode(error.filename or "the output"), os.strerror(error.errno)
        _fail(f"{path}: {reason}; nothing was left half-written, free space or fix it and run again", verbose)


def _parse(words: list[str]) -> argparse.Namespace:
    named = [name for name in COMMANDS if words[: len(name.split())] == name.split()]
    for name in named:
        check_asked(COMMANDS[name])
    parser, commands = make_parser(named)
    known = {name.split()[0] for name in COMMANDS}
    if words and not words[0].startswith("-") and words[0] not in known:
        parser.error(f"there is no command '{words[0]}'{did_you_mean(nearest(words[0], known, 1))}")
    args, unknown = parser.parse_known_args(words)
    if not named:  # an option stands between the words of a command
        parser.error("expected the command before its options")
    if unknown:
        command = commands[named[0]]
        options = [option for action in command._actions for option in action.option_strings]
        near = did_you_mean(nearest(unknown[0].partition("=")[0], options, 1))
        command.error(f"unknown argument {shlex.join(unknown)}{near}")
    return args


def _verbosity(args: argparse.Namespace) -> contextlib.AbstractContextManager[None]:
    """What is printed while a command runs, by `--quiet` and `--verbose`."""
    if args.quiet:
        return _quiet()
    return _verbose(arguments_of(args)) if args.verbose else contextlib.nullcontext()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Print nothing, neither messages nor bars; errors are printed afterwards."""
    with open(os.devnull, "w", errors="backslashreplace") as nowhere, contextlib.redirect_stderr(nowhere):
        yield


@contextlib.contextmanager
def _verbose(arguments: Mapping[str, Any]) -> Iterator[None]:
    """Print the arguments of a command, and at the end how much time and memory it took."""
    for name, value in sorted(arguments.items()):
        print(f"boxsup: {name} = {value}", file=sys.stderr)
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
    print(f"boxsup: {seconds:.1f} s, at most {peak:.0f} MiB of memory without its workers", file=sys.stderr)


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """Do not report a thread that cannot write, such as TensorBoard's: the main thread reports the same error."""
    if not (isinstance(failure.exc_value, OSError) and failure.exc_value.errno is not None):
        threading.__excepthook__(failure)


def _fail(message: str, verbose: bool) -> NoReturn:
    if verbose:
        traceback.print_exc()
    print(f"boxsup: error: {message}", file=sys.stderr)
    sys.exit(1)
