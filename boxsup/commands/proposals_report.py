"""`boxsup proposals report`: the page that compares the proposals of a split."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.json_arguments import parse_object
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument
from boxsup.errors import ConfigError, StoreError
from boxsup.report.proposals.page import render
from boxsup.report.proposals.results import Method, read_method
from boxsup.store.atomic import write_text

EXAMPLE = (
    'boxsup proposals report --dataset demo --split train --config "$CONFIG" --catalogue '
    "results/data/demo/train --folder results/data/demo/train/proposals --out page.html"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dataset", required=True, help="name of the data set")
    parser.add_argument("--split", required=True, help="name of the split")
    parser.add_argument(
        "--config", required=True, help="JSON with the settings of `dataset`, and of `proposals` by name"
    )
    add_catalogue_argument(parser)
    parser.add_argument("--folder", type=Path, required=True, help="folder with NAME/evaluation and NAME/I-of-N.zarr")
    add_output_arguments(parser, "the .html file to write")


def run(*, dataset: str, split: str, config: str, catalogue: Path, folder: Path, out: Path) -> None:
    """Write the page: one HTML file that needs no other."""
    settings = parse_object(config, ("dataset", "proposals"))
    if not settings["proposals"]:
        raise ConfigError("--config: proposals: expected at least one")
    methods = [read_method(folder, name) for name in settings["proposals"]]
    for method in methods[1:]:
        _check_same_objects(methods[0], method)
    page = render(dataset, split, settings, folder, methods, read_catalogue(catalogue))
    write_text(out, page)
    print(f"proposals report: {out}: {len(page) / 2**20:.1f} MiB", file=sys.stderr)


def _check_same_objects(first: Method, method: Method) -> None:
    keys = ["image", "object"]
    if not first.objects[keys].equals(method.objects[keys]):
        raise StoreError(
            f"{method.pools}/evaluation: other objects than those of {first.name}; evaluate both on the same catalogue"
        )
