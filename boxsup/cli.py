"""The command line: one thin subcommand a stage, each imported only when it is asked for."""

from __future__ import annotations

import argparse
import contextlib
import importlib
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

from boxsup.environment import settle
from boxsup.errors import BoxSupError
from boxsup.memory import keep_freed_memory
from boxsup.near import did_you_mean, nearest
from boxsup.store.outputs import guarded

settle()  # before a stage's module imports what reads it

# Subcommand, of one word or two: (module with `add_arguments(parser)`, `run(args)`, EXAMPLE; one line of help), in the
# order of the data flow.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("boxsup.project.command", "your images and boxes, checked and split, as a configuration that runs"),
    "shapes": ("boxsup.catalogue.commands.shapes", "generate the demo data, a tree in VOC layout"),
    "download": (
        "boxsup.catalogue.commands.download",
        "fetch VOC 2012 and SBD, VOC 2010 or VOC 2007, or say which files to put where",
    ),
    "inventory": ("boxsup.catalogue.commands.inventory", "which files a split is made of, to tell when they change"),
    "catalogue": ("boxsup.catalogue.commands.catalogue", "check every file of a split and write its tables"),
    "join": ("boxsup.catalogue.commands.join", "the tables of a union of splits"),
    "contours train": ("boxsup.contours.commands.train", "the contour network, from BSDS500"),
    "contours evaluate": ("boxsup.contours.commands.evaluate", "a contour detector against people's boundaries"),
    "proposals make": ("boxsup.proposals.commands.make", "candidate segments of one shard of a split"),
    "proposals evaluate": ("boxsup.evaluation.commands.proposals", "candidate segments against the objects of a split"),
    "proposals report": ("boxsup.report.proposal_command", "the page that sets the proposals of a split side by side"),
    "overlaps": ("boxsup.labels.commands.overlaps", "box x candidate IoU tables of one shard"),
    "fixed-masks": (
        "boxsup.labels.commands.fixed_masks",
        "masks that never change: true ones, or boxes'",
    ),
    "labels": ("boxsup.labels.commands.labels", "one generation of pseudo-masks"),
    "label-quality": ("boxsup.evaluation.commands.label_quality", "a generation against the true masks"),
    "network": ("boxsup.training.commands.network", "the checkpoint before the first epoch"),
    "epoch": ("boxsup.training.commands.epoch", "train one epoch"),
    "validate": ("boxsup.evaluation.commands.validate", "mean IoU of one checkpoint, without storing masks"),
    "predictions": ("boxsup.inference.commands.predictions", "label maps of a split, before and after the dense CRF"),
    "labelling": ("boxsup.inference.commands.labelling", "how a run labels images, kept beside its checkpoints"),
    "predict": (
        "boxsup.inference.commands.predict",
        "label maps and overlays of images and videos by a trained model",
    ),
    "masks": (
        "boxsup.labels.commands.masks",
        "masks for your boxes by a trained model, with their quality; goes on where it was stopped",
    ),
    "export": ("boxsup.inference.commands.export", "a trained model as ONNX or for torch.export, with its classes"),
    "crf-search": (
        "boxsup.evaluation.commands.crf_search",
        "weights of the dense CRF, searched on held-out images",
    ),
    "search": ("boxsup.evaluation.commands.search", "runs that differ in a few settings, on held-out images"),
    "comp6": ("boxsup.inference.commands.comp6", "predictions as the archive that the VOC evaluation server takes"),
    "evaluation": ("boxsup.evaluation.commands.evaluation", "VOC protocol: confusion and IoU per class"),
    "trimap measure": (
        "boxsup.evaluation.commands.trimap",
        "mean IoU near true boundaries and away from them",
    ),
    "trimap plot": ("boxsup.report.trimap_command", "the page that draws several experiments' in one figure"),
    "report": ("boxsup.report.command", "the page of an experiment"),
    "paper": ("boxsup.report.paper_command", "the page that sets experiments beside the paper's tables and figures"),
    "check": ("boxsup.store.command", "stores and checkpoints against the checksums that they were written with"),
    "show": ("boxsup.report.show", "an image with the boxes, the chosen segments and the labels of a generation"),
    "completion": ("boxsup.completion", "a script that lets a shell complete boxsup's commands and options"),
}

# First words that several commands share, and one line of help.
GROUPS: dict[str, str] = {
    "contours": "the contour detector that proposals look at",
    "proposals": "candidate segments",
    "trimap": "error analysis by the distance from true boundaries",
}

STATUSES = "exit status: 0 if all is well, 1 for a mistake in data or configuration, 2 for wrong arguments"
UNSEEN = "snakemake -npF results/demo_semi/report.html prints what rules pass for a $NAME"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and end with status 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to look, without the usage of all options before it."""
        self.exit(2, f"{self.prog}: error: {message}; see `{self.prog} --help`\n")


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


def make_parser(wanted: Sequence[str]) -> tuple[Parser, dict[str, Parser]]:
    """The parser of the command line, and those of the commands by their names.

    Args:
        wanted: Commands whose modules are imported for their arguments; torch costs seconds that others need not pay.
    """
    parser = Parser(prog="boxsup", description=sys.modules["boxsup"].__doc__, epilog=STATUSES)
    parser.add_argument("--version", action="version", version=f"boxsup {sys.modules['boxsup'].__version__}")
    stages = parser.add_subparsers(metavar="STAGE", required=True)
    groups = {
        name: stages.add_parser(name, help=line, description=line).add_subparsers(metavar="ACTION", required=True)
        for name, line in GROUPS.items()
    }
    commands = {}
    for name, (module, line) in COMMANDS.items():
        *group, action = name.split()
        parsers = groups[group[0]] if group else stages
        form = argparse.RawDescriptionHelpFormatter
        commands[name] = parsers.add_parser(action, help=line, description=line, formatter_class=form)
        if name in wanted:
            _add_command(commands[name], module)
    return parser, commands


def _add_command(parser: Parser, module: str) -> None:
    command = importlib.import_module(module)
    command.add_arguments(parser)
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--quiet", action="store_true", help="say nothing but errors")
    output.add_argument(
        "--verbose", action="store_true", help="say what is run, how long it took, and where errors arise"
    )
    note = f"\n\n{UNSEEN}" if "$" in command.EXAMPLE else ""
    parser.epilog = f"example:\n  {command.EXAMPLE}{note}\n\n{STATUSES}"
    parser.set_defaults(run=command.run)


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
