"""Reads `labelmap.txt`, in which CVAT, Datumaro and `boxsup masks` name the values of masks, one a line from 0."""

from __future__ import annotations

import re
from pathlib import Path

from boxsup.catalogue.names import class_name
from boxsup.image import VOID
from boxsup.image.palette import voc_palette
from boxsup.store.foreign import read_content

NAME = "labelmap.txt"
LINE = re.compile(r"([^:]+):((?:\d+,\d+,\d+)?)(?::[^:]*){0,2}")  # name:colour:parts:actions
MAX_BYTES = 2**20


def find_labelmap(masks: Path) -> Path | None:
    """The `labelmap.txt` in a folder of masks, or directly above it; None if there is none."""
    files = (folder / NAME for folder in (masks, masks.absolute().parent))
    return next((file for file in files if file.is_file()), None)


def read_labelmap(path: Path) -> list[str] | None:
    """The names of the values 0, 1, 2, …; None if the file has another form.

    A name with the colour of void has no value of its own, and is left out.

    Raises:
        DataError: The file cannot be read.
    """
    text = read_content(path, "", MAX_BYTES).decode("utf-8-sig", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = [LINE.fullmatch(line) for line in lines]
    void = ",".join(map(str, voc_palette()[VOID].tolist()))
    names = [class_name(match[1]) for match in found if match is not None and match[2] != void]
    return names if names and None not in found else None
