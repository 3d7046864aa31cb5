"""Arguments of commands that write: `--out` and `--overwrite`, and the check that no output contains an input."""

from __future__ import annotations

import argparse
import contextlib
import csv
import functools
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from boxsup.errors import StoreError
from boxsup.experiments.splits import TABLES
from boxsup.near import shorter
from boxsup.store.ownership import claiming, current_claims
from boxsup.store.renames import dated_names, put_aside

Outputs = Callable[[argparse.Namespace], list[Path]]
Identities = dict[tuple[int, int], Path]  # device and inode -> path
# Settings whose values are paths.
PATH_KEYS = frozenset({"images", "annotations", "masks", "list", "data", "files", "weights"})


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
        parser: The parser of the command.
        text: The help of `--out`.
        files: Names of the files that are written into the folder `--out`; empty if `--out` itself is written.
        default: Value of `--out` if it is not given.
        required: Whether `--out` must be given if it has no default.
        outputs: Gives the paths that are written, if they are not the above.
        written: Names of other arguments that name outputs; all other paths are inputs.
    """
    parser.add_argument("--out", type=Path, required=required and default is None, default=default, help=text)
    add_overwrite_argument(parser, outputs or functools.partial(_outputs, tuple(files)), ("out", *written))


def add_overwrite_argument(parser: argparse.ArgumentParser, outputs: Outputs, written: Sequence[str]) -> None:
    """Declare `--overwrite`, and record what the command writes.

    Outputs that are known only once the inputs are read are claimed by the command itself; see `claim`.

    Args:
        parser: The parser of the command.
        outputs: Gives the paths that are written.
        written: Names of the arguments that name them.
    """
    text = "keep files that are in the way under a dated name and write in their place; without it, the command stops"
    parser.add_argument("--overwrite", action="store_true", help=text)
    parser.set_defaults(outputs=outputs, written=tuple(written))


def nothing_yet(args: argparse.Namespace) -> list[Path]:
    """The outputs of a command that claims all of them itself: none."""
    return []


@contextlib.contextmanager
def guarded(args: argparse.Namespace) -> Iterator[None]:
    """Claim what a command writes, for the time that it runs; a command that declares no outputs writes nothing.

    The paths in `args` that name outputs are replaced by the same paths without `..`.

    Raises:
        StoreError: Something that is not ours is in the way, or an output contains an input.
    """
    if "outputs" not in args:
        yield
        return
    for name in args.written:
        setattr(args, name, _without_parents(getattr(args, name)))
    paths = args.outputs(args)
    refuse_inputs([*paths, *filter(None, [getattr(args, "out", None)])], inputs_of(args))
    with claiming(args.overwrite) as claims:
        claims.add(paths)
        yield


def claim(paths: Iterable[Path], base: Path, inputs: Iterable[Path] = (), keep_damaged: bool = False) -> None:
    """Claim outputs that are known only once the inputs are read, before any other work.

    Args:
        paths: The files, and the folders that appear whole.
        base: The folder that the files are in or below; it keeps their manifest.
        inputs: What will be read, if the command's arguments do not name it.
        keep_damaged: Whether files of ours that were changed since are kept under a dated name, instead of stopping the
            command.

    Raises:
        StoreError: Something that is not ours is in the way, or an output is an input.
    """
    paths = list(paths)
    refuse_inputs(paths, inputs)
    claims = current_claims()
    if claims is not None:
        claims.add(paths, base, keep_damaged)


def keep_apart(paths: Sequence[Path], whose: str) -> None:
    """Keep results that we wrote from other inputs under dated names, or stop the command that would replace them.

    Args:
        paths: What is there, to be called before it is claimed; nothing happens if there is none.
        whose: What the first of them is of, as "is of a/1.jpg".

    Raises:
        StoreError: There are some, and the command was not told `--overwrite`.
    """
    claims = current_claims()
    if not paths or claims is None:
        return
    first, more = paths[0], f" (and {len(paths) - 1:,} more)" if len(paths) > 1 else ""
    if not claims.overwrite:
        kept = next(dated_names(first, first.is_dir()))
        raise StoreError(
            f"{shorter(first)}: {whose}{more}; write into another folder, with --out, or add --overwrite, which keeps "
            f"what is there under dated names such as {kept}"
        )
    names = [put_aside(path, path) for path in paths]
    print(f"boxsup: kept what was at {shorter(first)}{more}: {shorter(names[0])}", file=sys.stderr)


def claims_for_another_process() -> Callable[[], AbstractContextManager[None]]:
    """The claims of the running command, to be made again in a process that it starts.

    Returns:
        A function that can be pickled. Called there, it gives the context in which the outputs are claimed.
    """
    claims = current_claims()
    return functools.partial(_claim_again, claims.paths, claims.overwrite) if claims else contextlib.nullcontext


@contextlib.contextmanager
def _claim_again(paths: Sequence[Path], overwrite: bool) -> Iterator[None]:
    with claiming(overwrite) as claims:
        claims.add(paths)
        yield


def refuse_inputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Check that no output is an input or a folder around one, by whatever path.

    Raises:
        StoreError: One is.
    """
    identities: Identities = {}
    for output in outputs:
        with contextlib.suppress(OSError):  # what does not exist contains nothing
            identities[_identity(output)] = output
    if not identities:
        return
    folders: dict[Path, Path | None] = {}
    for path in inputs:
        real = Path(os.path.realpath(path))
        around = _output_around(real.parent, identities, folders)
        if _is_one_of(real, identities):
            raise StoreError(f"{path}: is an input and cannot be an output, too; write elsewhere")
        if around is not None:
            raise StoreError(f"{around}: the input {path} lies in it; write elsewhere")


def inputs_of(args: argparse.Namespace) -> Iterator[Path]:
    """All paths that a command reads: its arguments, paths in its settings, and folders of files that tables name.

    Paths in settings are relative to the root of the data set, if there is one.
    """
    root = getattr(args, "root", None) or Path()
    for name, value in vars(args).items():
        if name not in args.written:
            for path in _paths(name, value, root):
                yield path
                yield from (path / table for table in TABLES)
                yield from _folders_in_table(path / TABLES[0])


def _outputs(files: tuple[str, ...], args: argparse.Namespace) -> list[Path]:
    return [args.out / name for name in files] if files else [path for path in (args.out,) if path]


def _without_parents(path: Path | None) -> Path | None:
    """A path whose `..` lead where the system goes: up from the target of a link, not from the link."""
    below = itertools.dropwhile("..".__eq__, path.parts) if path else ()
    return Path(os.path.realpath(path)) if path and ".." in below else path


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _is_one_of(path: Path, identities: Identities) -> bool:
    try:
        return _identity(path) in identities
    except OSError:
        return False


def _output_around(folder: Path, identities: Identities, known: dict[Path, Path | None]) -> Path | None:
    """The output that a folder is or lies in; `known` remembers the answers for other folders."""
    if folder not in known:
        above = _output_around(folder.parent, identities, known) if folder != folder.parent else None
        known[folder] = identities[_identity(folder)] if _is_one_of(folder, identities) else above
    return known[folder]


def _paths(name: str, value: Any, root: Path) -> Iterator[Path]:  # noqa: ANN401 - whatever argparse makes
    """The paths in one argument."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, (list, tuple)) and name == "inputs":
        from boxsup.inference.inputs import searched_folder  # only who has inputs has imported it already

        yield from map(searched_folder, value)
    elif isinstance(value, (list, tuple)):
        yield from (item for item in value if isinstance(item, Path))
    elif isinstance(value, str) and value.lstrip().startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):
            yield from (root / text for text in _paths_in_settings(json.loads(value)))


def _paths_in_settings(settings: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """The paths in settings; other texts are names, even if a folder happens to have one of them."""
    for key, value in settings.items() if isinstance(settings, dict) else ():
        if isinstance(value, dict):
            yield from _paths_in_settings(value)
        elif key in PATH_KEYS and isinstance(value, str) and value and "\0" not in value:
            yield value


def _folders_in_table(path: Path) -> Iterator[Path]:
    """The folders of the files that a catalogue's table of images names."""
    with contextlib.suppress(OSError, ValueError, csv.Error):
        folders: set[str] = set()
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                folders.update(os.path.dirname(row.get(column) or "") for column in ("path", "mask", "objects"))
        yield from {Path(folder) for folder in folders if os.path.isabs(folder)}
