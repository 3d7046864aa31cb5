"""Which images and videos a user means by files, folders and patterns, and what to call their results."""

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
    """A file to look at, and the name of its results: a path without suffix, relative to their folder."""

    path: Path
    name: str

    @property
    def video(self) -> bool:
        """Whether it is a video, by its suffix."""
        return self.path.suffix.lower() in VIDEOS


def find_inputs(arguments: Sequence[str], out: Path) -> list[Input]:
    """The files that arguments mean, each once, in the order of the arguments and by name within one.

    Args:
        arguments: Files; folders, for the images and videos in them but not below; patterns such as `shots/**/*.jpg`.
        out: Folder of the results, in which nothing is looked for.

    Returns:
        Files with names that tell them apart: their paths below the folder that all have in common.

    Raises:
        ConfigError: An argument means no file, a link in a folder leads out of it, or the results of two files would
            have one name.
    """
    paths = dict.fromkeys(path for argument in arguments for path in _meant(argument, Path(os.path.abspath(out))))
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


def _meant(argument: str, out: Path) -> Iterator[Path]:
    """The absolute paths that one argument means."""
    path = Path(os.path.abspath(argument))
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if _shown(file))
        for file in found:
            # A folder from elsewhere could make a picture of the user's own part of what is published.
            if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(path)):
                raise ConfigError(f"{file}: a symbolic link leads out of {argument}; name the file itself to use it")
    elif path.exists():
        found = [path]
    else:
        matches = sorted(glob.glob(argument, recursive=True))
        found = [file for file in map(Path, map(os.path.abspath, matches)) if _shown(file)]
    if not found:
        kinds = ", ".join(suffix[1:] for suffix in (*ENDINGS, *VIDEOS))
        what = "has no images or videos" if path.is_dir() else "no such file, folder or pattern that matches images"
        raise ConfigError(f"{argument}: {what} ({kinds})")
    return (file for file in found if not file.is_relative_to(out))


def _shown(file: Path) -> bool:
    return file.suffix.lower() in (*ENDINGS, *VIDEOS) and not file.name.startswith(".") and not file.is_dir()
