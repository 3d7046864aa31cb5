"""`boxsup shapes`: generate the demo data."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from boxsup.catalogue.records import parse_classes
from boxsup.commands.outputs import add_output_arguments
from boxsup.config.build import parse
from boxsup.config.datasets import ShapesSettings
from boxsup.demo.tree import check_classes, write_tree
from boxsup.machine.bars import tqdm
from boxsup.store.atomic import atomic_write

EXAMPLE = (
    'boxsup shapes --settings \'{"seed": 0, "side": 160, "train": 120, "val": 60, "masks": 12}\' --classes '
    '\'["ring", "star"]\' --out data/shapes'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--settings", required=True, help="JSON of the data set's settings `shapes`")
    parser.add_argument("--classes", required=True, help="JSON list of the forms to draw")
    add_output_arguments(parser, "the folder to write, in VOC layout")


def run(*, settings: str, classes: str, out: Path) -> None:
    """Write the pictures, their annotations and their lists."""
    shapes, names = parse(ShapesSettings, settings, "shapes"), parse_classes(classes)
    check_classes(names)
    fills: list[float] = []
    pictures = 0
    with atomic_write(out) as partial:
        total = shapes.train + shapes.val
        for written in tqdm(write_tree(partial, shapes, names), "shapes", total, unit="picture", disable=None):
            fills += written.fills
            pictures += 1
    print(
        f"shapes: {pictures} pictures, {len(fills)} objects; on average an object fills "
        f"{sum(fills) / len(fills):.0%} of its box",
        file=sys.stderr,
    )
