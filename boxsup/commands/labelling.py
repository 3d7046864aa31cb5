"""`boxsup labelling`: how an experiment labels images, for commands that use its checkpoints outside the workflow."""

from __future__ import annotations

import argparse
from pathlib import Path

from boxsup.commands.outputs import add_output_arguments
from boxsup.inference.labelling import format_labelling, parse_labelling
from boxsup.store.atomic import write_text

EXAMPLE = 'boxsup labelling --settings "$SETTINGS" --out results/demo_semi/labelling.json'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    text = "JSON: `experiment`, `checkpoints_of`, `seeds`, `epochs`, and `labelling` (scales, bias, CRF, threads)"
    parser.add_argument("--settings", required=True, help=text)
    add_output_arguments(parser, "the .json file to write")


def run(*, settings: str, out: Path) -> None:
    """Check the settings and write them."""
    write_text(out, format_labelling(parse_labelling(settings, "--settings")))
