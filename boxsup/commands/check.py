"""`boxsup check`: stores and checkpoints against the checksums that they were written with."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from boxsup.again import commands_for
from boxsup.errors import StoreError
from boxsup.near import did_you_mean, near_paths
from boxsup.store.checksums import archive_damages, folder_damages

EXAMPLE = "boxsup check results"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="a .zarr folder, a .pt file, or a folder")


def run(args: argparse.Namespace) -> None:
    """Read everything, print a line for each thing that is wrong, and say which command makes it again.

    Raises:
        StoreError: Something is damaged or missing, or there is nothing to check.
    """
    found = [path for start in args.paths for path in artefacts(start)]
    if not found:
        raise StoreError(f"{args.paths[0]}: neither a store (.zarr) nor a checkpoint (.pt) is there")
    damaged = []
    for path in tqdm(found, "check", unit="file", disable=None):
        damages = folder_damages(path) if is_store(path) else archive_damages(path)
        for damage in damages:
            print(f"{path}: {damage}")
        damaged += [path] if damages else []
    if damaged:
        raise StoreError(f"{len(damaged)} of {len(found)} are damaged; {advice(damaged)}")
    print(f"{len(found)} whole: {sum(map(is_store, found))} stores, {sum(not is_store(path) for path in found)} files")


def artefacts(start: Path) -> Iterator[Path]:
    """The stores and checkpoints at or below a path, in order; what starts with a dot is half-written, or not ours.

    Raises:
        StoreError: Nothing is at the path.
    """
    if not start.exists():
        raise StoreError(f"{start}: no such file or folder{did_you_mean(near_paths(start))}")
    if start.is_file() or is_store(start):
        yield start
        return
    for base, folders, names in os.walk(start):
        visible = sorted(name for name in folders if not name.startswith("."))
        stores = [name for name in visible if is_store(Path(base, name))]
        folders[:] = [name for name in visible if name not in stores]
        files = [name for name in names if name.endswith(".pt") and not name.startswith(".")]
        yield from (Path(base, name) for name in sorted(stores + files))


def is_store(path: Path) -> bool:
    """Whether a path is a zarr store, by its name or by what is in it."""
    return path.is_dir() and (path.suffix == ".zarr" or (path / "zarr.json").is_file())


def advice(paths: Sequence[Path]) -> str:
    """The command that makes damaged results again, in an order that Snakemake finds."""
    commands = commands_for(paths, "--force")
    return f"make them again: {' && '.join(commands)}" if commands else "make them again"
