"""`boxsup labelling`: how a run labels images, for what is done with its checkpoints outside of the workflow."""

from __future__ import annotations

import argparse

from boxsup.commands.outputs import add_output_arguments
from boxsup.inference.labelling import format_labelling, parse_labelling
from boxsup.store.atomic import write_text

EXAMPLE = 'boxsup labelling --settings "$SETTINGS" --out results/demo_semi/labelling.json'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    text = "JSON: `experiment`, `checkpoints_of`, `seeds`, `epochs`, and `labelling`: scales, bias, CRF, threads"
    parser.add_argument("--settings", required=True, help=text)
    add_output_arguments(parser, "the .json file to write")


def run(args: argparse.Namespace) -> None:
    """Write the settings down, checked."""
    write_text(args.out, format_labelling(parse_labelling(args.settings, "--settings")))
