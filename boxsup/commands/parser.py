"""The parser of the command line: each command's module is imported only when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

# Subcommand, of one word or two: (module with `add_arguments(parser)`, `run(args)`, EXAMPLE; one line of help), in the
# order of the data flow.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("boxsup.commands.init", "your images and boxes, checked and split, as a configuration that runs"),
    "shapes": ("boxsup.commands.shapes", "generate the demo data, a tree in VOC layout"),
    "download": (
        "boxsup.commands.download",
        "fetch VOC 2012 and SBD, VOC 2010 or VOC 2007, or say which files to put where",
    ),
    "inventory": ("boxsup.commands.inventory", "which files a split is made of, to tell when they change"),
    "catalogue": ("boxsup.commands.catalogue", "check every file of a split and write its tables"),
    "join": ("boxsup.commands.join", "the tables of a union of splits"),
    "contours train": ("boxsup.commands.contours_train", "the contour network, from BSDS500"),
    "contours evaluate": ("boxsup.commands.contours_evaluate", "a contour detector against people's boundaries"),
    "proposals make": ("boxsup.commands.proposals_make", "candidate segments of one shard of a split"),
    "proposals evaluate": ("boxsup.commands.proposals_evaluate", "candidate segments against the objects of a split"),
    "proposals report": (
        "boxsup.commands.proposals_report",
        "the page that sets the proposals of a split side by side",
    ),
    "overlaps": ("boxsup.commands.overlaps", "box x candidate IoU tables of one shard"),
    "fixed-masks": (
        "boxsup.commands.fixed_masks",
        "masks that never change: true ones, or boxes'",
    ),
    "labels": ("boxsup.commands.labels", "one generation of pseudo-masks"),
    "label-quality": ("boxsup.commands.label_quality", "a generation against the true masks"),
    "network": ("boxsup.commands.network", "the checkpoint before the first epoch"),
    "epoch": ("boxsup.commands.epoch", "train one epoch"),
    "validate": ("boxsup.commands.validate", "mean IoU of one checkpoint, without storing masks"),
    "predictions": ("boxsup.commands.predictions", "label maps of a split, before and after the dense CRF"),
    "labelling": ("boxsup.commands.labelling", "how a run labels images, kept beside its checkpoints"),
    "predict": (
        "boxsup.commands.predict",
        "label maps and overlays of images and videos by a trained model",
    ),
    "masks": (
        "boxsup.commands.masks",
        "masks for your boxes by a trained model, with their quality; goes on where it was stopped",
    ),
    "export": ("boxsup.commands.export", "a trained model as ONNX or for torch.export, with its classes"),
    "crf-search": (
        "boxsup.commands.crf_search",
        "weights of the dense CRF, searched on held-out images",
    ),
    "search": ("boxsup.commands.search", "runs that differ in a few settings, on held-out images"),
    "comp6": ("boxsup.commands.comp6", "predictions as the archive that the VOC evaluation server takes"),
    "evaluation": ("boxsup.commands.evaluation", "VOC protocol: confusion and IoU per class"),
    "trimap measure": (
        "boxsup.commands.trimap_measure",
        "mean IoU near true boundaries and away from them",
    ),
    "trimap plot": ("boxsup.commands.trimap_plot", "the page that draws several experiments' in one figure"),
    "report": ("boxsup.commands.report", "the page of an experiment"),
    "paper": ("boxsup.commands.paper", "the page that sets experiments beside the paper's tables and figures"),
    "check": ("boxsup.commands.check", "stores and checkpoints against the checksums that they were written with"),
    "show": ("boxsup.commands.show", "an image with the boxes, the chosen segments and the labels of a generation"),
    "completion": ("boxsup.commands.completion", "a script that lets a shell complete boxsup's commands and options"),
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
