"""The names of images in COCO's JSON, and what to do about a name that is none of a file in the folder of images."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from boxsup.catalogue.names import image_id, name_fault, normalised, plain_path
from boxsup.catalogue.readers.coco_form import Json
from boxsup.catalogue.readers.folder import Layout, name_problem
from boxsup.catalogue.readers.image_files import ENDINGS
from boxsup.catalogue.records import Problem, image_problem

ROOTED = re.compile(r"/|[A-Za-z][\w+.-]*:")  # how a path of another machine, or an address, begins


def image_name(image: Json, file: Path, path: Path) -> str:
    """An image's name below the folder of images. The images of an export's JSON are beside it."""
    below = file.parent.relative_to(path) if file != path else Path()
    return plain_path((below / image["file_name"]).as_posix() if below.parts else image["file_name"])


def entry_problem(name: str, other: str | None, file: Path, where: Layout) -> Problem | None:
    """The problem with the name of an image in a JSON, or None.

    Args:
        name: The name below the folder of images.
        other: The name of an earlier image with the same id, or None.
        file: The JSON.
        where: The split's files.
    """
    if name_fault(name, where.by_path):
        return name_problem(name, None, file, where.by_path, elsewhere(where.images.path, name) or "rename it")
    if other == name:  # of files that were merged; the names of two photographs may have been equal
        text = (
            f"several entries have the file_name {name}: nobody can tell whether they are one photograph; if they are, "
            "give all of their annotations the image_id of one entry, and take the others out"
        )
        return image_problem(image_id(name, where.by_path), file, text)
    return name_problem(name, other, file, where.by_path)


def elsewhere(folder: Path, name: str) -> str:
    """What to do about an image that is not where its name says; "" if there is no file that could be meant.

    Its path may exist only in part, as if it was another machine's, or with other capitals, or with another ending, or
    be written as in a URL.
    """
    path = PurePosixPath(name)
    if unquote(name) != name and (found := _file_like(folder, PurePosixPath(unquote(name)))):
        return f"{_say(found)} (it is written as in a URL)"
    parts, same = path.parts, _file_like(folder, path)
    if same or not path.name:
        return same and _say(same)
    ends = (PurePosixPath(*parts[skip:]) for skip in range(1, len(parts)))
    for end, found in ((end, _file_like(folder, end)) for end in ends):
        if found:
            first = name.removesuffix(str(end))
            out = f"take {first} out of file_name"
            if ROOTED.match(name) or ".." in parts:
                return f"it is there as {found}: {out}"
            return f"it is there as {found}: name the folder that holds {first} by --images, or {out}"
    others = (_file_like(folder, path.with_suffix(ending)) for ending in ENDINGS)
    other = next(filter(None, others), "")
    return _say(other) if other else ""


def _say(found: str) -> str:
    return f"{found} is there: let file_name say so, or rename the file"


def _file_like(folder: Path, name: PurePosixPath) -> str:
    """The path below a folder of the file of a name, whatever its capitals; "" if there is none."""
    if name.is_absolute() or ".." in name.parts:
        return ""
    found = PurePosixPath()
    for part in name.parts:
        exact = os.path.lexists(folder / found / part)
        own = part if exact else _by_folded_name(folder / found).get(_folded(part), "")
        if not own:
            return ""
        found /= own
    return str(found) if (folder / found).is_file() else ""


@lru_cache(maxsize=4)  # of a JSON with other names, each image asks about the same folder
def _by_folded_name(folder: Path) -> dict[str, str]:
    try:
        return {_folded(name): name for name in sorted(os.listdir(folder), reverse=True)}
    except OSError:  # a file, or a folder that may not be looked into
        return {}


def _folded(name: str) -> str:
    return normalised(name).casefold()
