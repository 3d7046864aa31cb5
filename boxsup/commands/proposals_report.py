"""`boxsup proposals report`: the page that sets the proposals of a split side by side."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.report import parse_config
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
    parser.add_argument("--dataset", required=True, help="its name")
    parser.add_argument("--split", required=True, help="its name")
    parser.add_argument("--config", required=True, help="JSON with `dataset`, and `proposals`: settings by name")
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the split's tables")
    parser.add_argument("--folder", type=Path, required=True, help="with NAME/evaluation and NAME/I-of-N.zarr")
    add_output_arguments(parser, "the .html file to write")


def run(args: argparse.Namespace) -> None:
    """Write the page: one HTML file that asks for no other."""
    config = parse_config(args.config, ("dataset", "proposals"))
    if not config["proposals"]:
        raise ConfigError("--config: proposals: expected one at least")
    methods = [read_method(args.folder, name) for name in config["proposals"]]
    for method in methods[1:]:
        _check_same_objects(methods[0], method)
    page = render(args.dataset, args.split, config, args.folder, methods, read_catalogue(args.catalogue))
    write_text(args.out, page)
    print(f"proposals report: {args.out}: {len(page) / 2**20:.1f} MiB", file=sys.stderr)


def _check_same_objects(first: Method, method: Method) -> None:
    keys = ["image", "object"]
    if not first.objects[keys].equals(method.objects[keys]):
        raise StoreError(
            f"{method.pools}/evaluation: other objects than those of {first.name}; evaluate both on the same catalogue"
        )
