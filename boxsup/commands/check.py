"""`boxsup check`: compare stores and checkpoints with the checksums that they were written with."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from boxsup.again import commands_for
from boxsup.errors import StoreError
from boxsup.machine.bars import tqdm
from boxsup.near import did_you_mean, near_paths
from boxsup.store.checksums import archive_damages, folder_damages

EXAMPLE = "boxsup check results"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "paths",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="a .zarr folder, a .pt file, or a folder above them",
    )


def run(*, paths: Sequence[Path]) -> None:
    """Read everything, print one line per damage, and say which command makes the damaged results again.

    Raises:
        StoreError: Something is damaged or missing, or there is nothing to check.
    """
    results = [path for start in paths for path in artefacts(start)]
    if not results:
        raise StoreError(f"{paths[0]}: neither a store (.zarr) nor a checkpoint (.pt) is there")
    damaged = []
    for path in tqdm(results, "check", unit="file", disable=None):
        damages = folder_damages(path) if is_zarr(path) else archive_damages(path)
        for damage in damages:
            print(f"{path}: {damage}")
        damaged += [path] if damages else []
    if damaged:
        raise StoreError(f"{len(damaged)} of {len(results)} are damaged; {advice(damaged)}")
    stores = sum(map(is_zarr, results))
    print(f"{len(results)} whole: {stores} stores, {len(results) - stores} files")


def artefacts(start: Path) -> Iterator[Path]:
    """The stores and checkpoints at or below a path, in order, without half-written ones, whose names start with a dot.

    Raises:
        StoreError: There is no such path.
    """
    if not start.exists():
        raise StoreError(f"{start}: no such file or folder{did_you_mean(near_paths(start))}")
    if start.is_file() or is_zarr(start):
        yield start
        return
    for base, folders, names in os.walk(start):
        visible = sorted(name for name in folders if not name.startswith("."))
        stores = [name for name in visible if is_zarr(Path(base, name))]
        folders[:] = [name for name in visible if name not in stores]
        files = [name for name in names if name.endswith(".pt") and not name.startswith(".")]
        yield from (Path(base, name) for name in sorted(stores + files))


def is_zarr(path: Path) -> bool:
    """Whether a path is a zarr store, by its name or its content."""
    return path.is_dir() and (path.suffix == ".zarr" or (path / "zarr.json").is_file())


def advice(paths: Sequence[Path]) -> str:
    """The command that makes damaged results again; Snakemake finds the order."""
    commands = commands_for(paths, "--force")
    return f"make them again: {' && '.join(commands)}" if commands else "make them again"
