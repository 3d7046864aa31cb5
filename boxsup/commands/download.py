"""`boxsup download`: fetch a published data set in VOC layout, or say which files to put where."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from boxsup.catalogue.download import SOURCES, provide_tree
from boxsup.commands.outputs import add_output_arguments
from boxsup.store.atomic import write_text

EXAMPLE = "boxsup download --root data/VOC2012 --source voc2012 --download true --out source.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--root", type=Path, required=True, help="root folder of the data set, which may not exist yet")
    parser.add_argument("--source", choices=SOURCES, help="the published data set [your own]")
    parser.add_argument("--download", choices=("true", "false"), required=True, help="whether files may be fetched")
    add_output_arguments(parser, "the .json file to write: the archives that the tree came from")


def run(*, root: Path, source: str | None, download: str, out: Path) -> None:
    """Make sure that the tree is there, and write down the archives that it was made of."""
    used = provide_tree(root, download == "true", SOURCES[source] if source else None)
    archives = {archive.name: archive.md5 for archive in used}
    write_text(out, json.dumps({"root": str(root), "archives": archives}, indent=2) + "\n")
    how = f"got what {' and '.join(archives)} hold" if archives else "was there already; nothing was fetched or changed"
    print(f"download: the tree at {root} {how}", file=sys.stderr)
