"""The arguments of commands that recognise a user's own annotations: how they are read."""

from __future__ import annotations

import argparse
from typing import get_args

from boxsup.config.datasets import CornerConvention


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--links` and `--corners`; see `boxsup.catalogue.sources.open_source`."""
    parser.add_argument(
        "--links", action="store_true", help="follow symbolic links out of these folders: you trust them"
    )
    text = "how VOC XML counts: voc, pixels from 1, or plane, borders from 0 [as the files show]"
    parser.add_argument("--corners", choices=[name for name in get_args(CornerConvention) if name], help=text)
