"""Reads `labelmap.txt`, in which CVAT, Datumaro and `boxsup masks` name the values of masks, one a line from 0."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from boxsup.catalogue.names import class_name, printable
from boxsup.image import VOID
from boxsup.image.palette import voc_palette
from boxsup.store.foreign import read_content

NAME = "labelmap.txt"
# name:colour:parts:actions, with a name that may have colons; other tools' lines may end earlier.
LINE = re.compile(r"(.+):((?:\d+,\d+,\d+)?):[^:]*:[^:]*|([^:]+):((?:\d+,\d+,\d+)?)(?::[^:]*)?")
COMMENT = re.compile(r"#(?!.*:\d+,\d+,\d+)")  # a class may be called `#1`
MAX_BYTES = 2**20


def find_labelmap(masks: Path) -> Path | None:
    """The `labelmap.txt` in a folder of masks, or directly above it; None if there is none."""
    files = (folder / NAME for folder in (masks, masks.absolute().parent))
    return next((file for file in files if file.is_file()), None)


class Labelmap(NamedTuple):
    """What a `labelmap.txt` says.

    Attributes:
        names: The names of the values 0, 1, 2, …
        fault: The line that has another form, or that there is none; "" if all is well.
    """

    names: list[str]
    fault: str


def read_labelmap(path: Path) -> Labelmap:
    """The names of the values. A name with the colour of void has no value of its own, and is left out.

    Raises:
        DataError: The file cannot be read.
    """
    text = read_content(path, "", MAX_BYTES).decode("utf-8-sig", errors="replace")
    void, names = ",".join(map(str, voc_palette()[VOID].tolist())), []
    for number, line in enumerate(text.splitlines(), start=1):
        match = LINE.fullmatch(line.strip())
        if match is None and line.strip() and not COMMENT.match(line):
            return Labelmap([], f"line {number}, '{printable(line.strip()[:60])}'")
        name, colour = (match[1] or match[3], match[2] or match[4]) if match else ("", "")
        if name and colour != void and not COMMENT.match(line):
            names.append(class_name(name))
    return Labelmap(names, "" if names else "it has none")
