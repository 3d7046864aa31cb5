"""What commands share that write where a user says: `--out`, `--overwrite`, and no output that contains an input."""

from __future__ import annotations

import argparse
import contextlib
import csv
import functools
import glob
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from boxsup.errors import StoreError
from boxsup.experiments.splits import TABLES
from boxsup.store.ownership import claiming, current_claims

Outputs = Callable[[argparse.Namespace], list[Path]]
Places = dict[tuple[int, int], Path]  # device and inode of what is there
PATHS = frozenset({"images", "annotations", "masks", "list", "data", "files"})  # of settings that are paths


def add_output_arguments(
    parser: argparse.ArgumentParser,
    text: str,
    files: Sequence[str] = (),
    default: Path | None = None,
    required: bool = True,
    outputs: Outputs | None = None,
    written: Sequence[str] = (),
) -> None:
    """Declare `--out` and `--overwrite`.

    Args:
        parser: Of the command.
        text: What `--out` is.
        files: The names of what is written into the folder `--out`; none: `--out` is what is written.
        default: What `--out` is without being given.
        required: Whether it must be given where it has no default.
        outputs: Says what is written, where that is more than the above.
        written: The names of other arguments that outputs are named by; all other paths are inputs.
    """
    parser.add_argument("--out", type=Path, required=required and default is None, default=default, help=text)
    add_overwrite_argument(parser, outputs or functools.partial(_outputs, tuple(files)), ("out", *written))


def add_overwrite_argument(parser: argparse.ArgumentParser, outputs: Outputs, written: Sequence[str]) -> None:
    """Declare `--overwrite`, and say what a command writes and which arguments name it.

    What it learns of only when it has found its inputs it claims itself (`claim`).
    """
    text = "keep what is in the way under a dated name, and write in its place; without it, the command stops"
    parser.add_argument("--overwrite", action="store_true", help=text)
    parser.set_defaults(outputs=outputs, written=tuple(written))


def nothing_yet(args: argparse.Namespace) -> list[Path]:
    """The outputs of a command that claims them itself."""
    return []


@contextlib.contextmanager
def guarded(args: argparse.Namespace) -> Iterator[None]:
    """Claim what a command writes while it runs; a command that declares no outputs writes nothing.

    Raises:
        StoreError: Something is in the way that is not ours, or an output contains an input.
    """
    if "outputs" not in args:
        yield
        return
    for name in args.written:
        setattr(args, name, _straight(getattr(args, name)))
    paths = args.outputs(args)
    refuse_inputs([*paths, *filter(None, [getattr(args, "out", None)])], inputs_of(args))
    with claiming(args.overwrite) as claims:
        claims.add(paths)
        yield


def claim(paths: Iterable[Path], base: Path, inputs: Iterable[Path] = (), keep_damaged: bool = False) -> None:
    """Claim what a command learns of only when it has found its inputs, before any other work.

    Args:
        paths: The files, and the folders that appear whole.
        base: The folder that the files are in or below; it keeps their manifest.
        inputs: What will be read, where the command's arguments do not name it.
        keep_damaged: Keep files that we wrote, and that were changed since, under a dated name, and make them again, in
            place of an error.

    Raises:
        StoreError: Something is in the way that is not ours, or an output is an input.
    """
    paths = list(paths)
    refuse_inputs(paths, inputs)
    claims = current_claims()
    if claims is not None:
        claims.add(paths, base, keep_damaged)


def refuse_inputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Check that no output is an input, or a folder that one lies in, whatever they are called.

    Raises:
        StoreError: One is.
    """
    places: Places = {}
    for output in outputs:
        with contextlib.suppress(OSError):  # what is not there contains nothing
            places[_identity(output)] = output
    if not places:
        return
    folders: dict[Path, Path | None] = {}
    for path in inputs:
        real = Path(os.path.realpath(path))
        around = _containing(real.parent, places, folders)
        if _is_one_of(real, places):
            raise StoreError(f"{path}: is read, and cannot be what is written, too; write elsewhere")
        if around is not None:
            raise StoreError(f"{around}: {path} lies in it, which is read; write elsewhere")


def inputs_of(args: argparse.Namespace) -> Iterator[Path]:
    """All paths that a command is given to read, in its settings too, and the folders of the files in its tables.

    Paths in settings are below the root of the data set, where there is one.
    """
    root = getattr(args, "root", None) or Path()
    for name, value in vars(args).items():
        if name not in args.written:
            for path in _paths(name, value, root):
                yield path
                yield from (path / table for table in TABLES)
                yield from _tabled(path / TABLES[0])


def _outputs(files: tuple[str, ...], args: argparse.Namespace) -> list[Path]:
    return [args.out / name for name in files] if files else [path for path in (args.out,) if path]


def _straight(path: Path | None) -> Path | None:
    """A path whose `..` lead where the system goes: up from what a link leads to, and not from the link."""
    below = itertools.dropwhile("..".__eq__, path.parts) if path else ()
    return Path(os.path.realpath(path)) if path and ".." in below else path


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _is_one_of(path: Path, places: Places) -> bool:
    try:
        return _identity(path) in places
    except OSError:
        return False


def _containing(folder: Path, places: Places, known: dict[Path, Path | None]) -> Path | None:
    """The output that a folder is or lies in; `known` holds what was found of others."""
    if folder not in known:
        above = _containing(folder.parent, places, known) if folder != folder.parent else None
        known[folder] = places[_identity(folder)] if _is_one_of(folder, places) else above
    return known[folder]


def _paths(name: str, value: Any, root: Path) -> Iterator[Path]:  # noqa: ANN401 - whatever argparse makes
    if isinstance(value, Path):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from [_base(each)] if name == "inputs" else [each] if isinstance(each, Path) else []
    elif isinstance(value, str) and value.lstrip().startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):
            yield from (root / text for text in _named_in(json.loads(value)))


def _base(pattern: str) -> Path:
    """What a pattern of files looks in: itself, or the folder above its first part with a sign."""
    path = Path(pattern)
    while glob.has_magic(str(path)) and not path.exists():
        path = path.parent
    return path


def _named_in(settings: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """The paths in settings; other texts are names, which a folder may have by chance."""
    for key, value in settings.items() if isinstance(settings, dict) else ():
        if isinstance(value, dict):
            yield from _named_in(value)
        elif key in PATHS and isinstance(value, str) and value and "\0" not in value:
            yield value


def _tabled(path: Path) -> Iterator[Path]:
    """The folders of the files that a catalogue's table of images names."""
    with contextlib.suppress(OSError, ValueError, csv.Error):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        names = {row.get(column) for row in rows for column in ("path", "mask", "objects")}
        yield from {Path(name).parent for name in names if name and os.path.isabs(name)}
