"""What commands that look at the files of a split are told of it, declared once."""

from __future__ import annotations

import argparse
from pathlib import Path

from boxsup.catalogue.readers import READERS


def add_split_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the format, the root, the settings and the classes of a split."""
    parser.add_argument("--format", choices=READERS, required=True, help="what the data set is kept in")
    parser.add_argument("--root", type=Path, required=True, help="of the data set")
    parser.add_argument("--split", required=True, help="JSON of the split's settings; docs/data.md, by format")
    parser.add_argument("--classes", required=True, help="JSON list of class names without the background")
