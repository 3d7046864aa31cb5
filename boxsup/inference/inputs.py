"""Finds the images and videos that a user names by files, folders and patterns, and names their results."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from boxsup.catalogue.readers.image_files import ENDINGS
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


def find_inputs(arguments: Sequence[str], out: Path) -> list[Input]:
    """Find the files that arguments name, each once, in the order of the arguments, and by name within one.

    Args:
        arguments: Files; folders, for the images and videos directly in them; patterns such as `shots/**/*.jpg`.
        out: The folder of the results, whose files are no inputs.

    Returns:
        The files. Their names are their paths below the folder that they have in common.

    Raises:
        ConfigError: An argument names no file, a link in a folder leads out of it, or two files would have results of
            the same name.
    """
    paths = dict.fromkeys(path for argument in arguments for path in _expand(argument, Path(os.path.abspath(out))))
    if not paths:
        raise ConfigError(f"{arguments[0]}: nothing in it but results; name images")
    common = os.path.commonpath([path.parent for path in paths])
    inputs = [Input(path, path.relative_to(common).with_suffix("").as_posix()) for path in paths]
    seen: dict[tuple[str, bool], Path] = {}
    for item in inputs:
        other = seen.setdefault((item.name, item.video), item.path)
        if other != item.path:
            raise ConfigError(f"{other} and {item.path}: their results would have one name; give them in two calls")
    return inputs


def _expand(argument: str, out: Path) -> Iterator[Path]:
    """The absolute paths that one argument names."""
    path = Path(os.path.abspath(argument))
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if _is_input(file))
        for file in files:
            # A folder from a stranger could link to a private picture of the user, who would publish it unawares.
            if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(path)):
                raise ConfigError(f"{file}: a symbolic link leads out of {argument}; name the file itself to use it")
    elif path.exists():
        files = [path]
    else:
        matches = sorted(glob.glob(argument, recursive=True))
        files = [file for file in map(Path, map(os.path.abspath, matches)) if _is_input(file)]
    if not files:
        kinds = ", ".join(suffix[1:] for suffix in (*ENDINGS, *VIDEOS))
        reason = "has no images or videos" if path.is_dir() else "no such file, folder or pattern that matches images"
        raise ConfigError(f"{argument}: {reason} ({kinds})")
    return (file for file in files if not file.is_relative_to(out))


def _is_input(file: Path) -> bool:
    """Whether a file in a folder is an image or video that is not hidden."""
    return file.suffix.lower() in (*ENDINGS, *VIDEOS) and not file.name.startswith(".") and not file.is_dir()
