"""`boxsup inventory`: the files that a split is made of, and the hash of each."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from boxsup.catalogue.changes import FIRST, SplitFiles
from boxsup.catalogue.inventory import SEEN, read_inventory, write_inventory
from boxsup.catalogue.records import parse_classes
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_split_arguments
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.experiments.splits import INVENTORY
from boxsup.near import counted

EXAMPLE = (
    'boxsup inventory --format voc --root data/VOC2012 --split \'{"list": "val", "masks": '
    '"SegmentationClass"}\' --classes \'["cat", "dog"]\' --on-problem stop --out tables'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_split_arguments(parser)
    parser.add_argument(
        "--on-problem", choices=("stop", "skip"), required=True, help="what the catalogue will do at problems"
    )
    parser.add_argument("--source", default="null", help="JSON of what generated the files [null: your own files]")
    parser.add_argument("--since", default=FIRST, help="the change that the inventory is for; the workflow names it")
    add_workers_argument(parser, "number of threads")
    add_output_arguments(parser, "folder of the split's tables", (INVENTORY, SEEN))


def run(
    *,
    format: str,
    root: Path,
    split: str,
    classes: str,
    on_problem: str,
    source: str,
    since: str,
    workers: int,
    out: Path,
) -> None:
    """Write `inventory.json`: the same bytes if nothing changed."""
    files_of = SplitFiles(out, format, root, parse_classes(classes), split, on_problem, source)
    inventory = files_of.take_inventory(since, read_inventory(out), workers)
    write_inventory(out, inventory)
    files = sum(map(len, (inventory.shared, *inventory.files)))
    print(
        f"inventory: {counted(len(inventory.ids), 'image')}, {counted(files, 'file')}; {inventory.since}",
        file=sys.stderr,
    )
