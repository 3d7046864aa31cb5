"""Finds the images and videos that a user names by files, folders and patterns, and names their results."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from boxsup.catalogue.names import printable
from boxsup.catalogue.readers.image_files import ENDINGS
from boxsup.catalogue.readers.not_ours import without_ours
from boxsup.catalogue.records import Problem
from boxsup.errors import ConfigError

VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")


class Input(NamedTuple):
    """An input file and the name of its results.

    Attributes:
        path: The absolute path.
        name: The path of its results without a suffix, relative to the folder of all results.
    """

    path: Path
    name: str

    @property
    def video(self) -> bool:
        """Whether the file is a video, by its suffix."""
        return self.path.suffix.lower() in VIDEOS


class Found(NamedTuple):
    """What arguments name.

    Attributes:
        inputs: The files. Their names are their paths below the folder that they have in common.
        problems: Symbolic links that may not be followed.
        ours: Files in folders, or that patterns match, that boxsup wrote: results of other runs are no inputs.
    """

    inputs: list[Input]
    problems: list[Problem]
    ours: list[Path]


def find_inputs(arguments: Sequence[str], out: Path, links: bool = False) -> Found:
    """Find the files that arguments name, each once, in the order of the arguments, and by name within one.

    Args:
        arguments: Files; folders, for the images and videos directly in them; patterns such as `shots/**/*.jpg`.
        out: The folder of the results, whose files are no inputs.
        links: Whether symbolic links in a folder may lead out of it.

    Raises:
        ConfigError: An argument names no file, or two files would have results of the same name.
    """
    results = Path(os.path.abspath(out))
    found: dict[Path, str] = {}  # and why it cannot be used, or ""
    ours: dict[Path, None] = {}
    for argument in arguments:
        files = [file for file in _expand(argument) if not file.is_relative_to(results)]
        named = len(files) == 1 and os.path.abspath(argument) == str(files[0])
        folder = Path(os.path.abspath(searched_folder(argument)))
        users = files if named else without_ours(files, folder)
        kept = set(users)
        ours.update(dict.fromkeys(file for file in files if file not in kept))
        for file in users:
            outside = "" if links or not Path(argument).is_dir() else _link_out_of(folder, file, argument)
            found[file] = found.get(file, outside) and outside  # one argument that names it is enough
    paths = [file for file, outside in found.items() if not outside]
    problems = [Problem(printable(file.stem), printable(str(file)), text) for file, text in found.items() if text]
    if not found:
        wrote = f", such as {next(iter(ours))}; name a file itself" if ours else "; name images"
        raise ConfigError(f"{arguments[0]}: nothing in it but results{wrote}")
    return Found(_named(paths), problems, list(ours))


def searched_folder(argument: str) -> Path:
    """Where an argument looks: the path itself, or for a pattern the folder above its first part with a wildcard."""
    path = Path(argument)
    while glob.has_magic(str(path)) and not path.exists():
        path = path.parent
    return path


def _named(paths: Sequence[Path]) -> list[Input]:
    """The inputs at absolute paths. Raises a ConfigError if two would have results of one name."""
    common = os.path.commonpath([path.parent for path in paths]) if paths else ""
    inputs = [Input(path, path.relative_to(common).with_suffix("").as_posix()) for path in paths]
    seen: dict[tuple[str, bool], Path] = {}
    for item in inputs:
        other = seen.setdefault((item.name, item.video), item.path)
        if other != item.path:
            raise ConfigError(
                f"{other} and {item.path}: their results would have one name; give them in two calls, each with its "
                "own --out"
            )
    return inputs


def _expand(argument: str) -> list[Path]:
    """The absolute paths that one argument names. Raises a ConfigError if there are none."""
    path = Path(os.path.abspath(argument))
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if _is_input(file))
    elif path.exists():
        files = [path]
    else:
        matches = sorted(glob.glob(argument, recursive=True))
        files = [file for file in map(Path, map(os.path.abspath, matches)) if _is_input(file)]
    if not files:
        kinds = ", ".join(suffix[1:] for suffix in (*ENDINGS, *VIDEOS))
        reason = "has no images or videos" if path.is_dir() else "no such file, folder or pattern that matches images"
        raise ConfigError(f"{argument}: {reason} ({kinds})")
    return files


def _link_out_of(folder: Path, file: Path, argument: str) -> str:
    """Why a file in a folder may not be used; "" if it may.

    A folder from a stranger could link to a private picture of the user, who would publish it unawares.
    """
    if Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
        return ""
    return f"a symbolic link leads out of {argument}; name the file itself to use it, or trust its links with --links"


def _is_input(file: Path) -> bool:
    """Whether a file in a folder is an image or video that is not hidden."""
    return file.suffix.lower() in (*ENDINGS, *VIDEOS) and not file.name.startswith(".") and not file.is_dir()
