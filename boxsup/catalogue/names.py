"""Rules for the names of files, images and classes, and which names count as equal."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

MAX_ID = 200  # characters
MAX_BYTES = 255  # of a file or folder name, on common file systems
JOINT = "__"  # joins folders and file name in an id made from a path


def image_id(name: str, by_path: bool = False) -> str:
    """The id of an image.

    >>> image_id("cam1/0001.jpg"), image_id("cam1/0001.jpg", by_path=True)
    ('0001', 'cam1__0001')

    Args:
        name: Its name below the folder of images, with ending, folders separated by "/".
        by_path: Whether the id includes the folders, so that images of one name in several folders get different ids.
    """
    path = PurePosixPath(name)
    return JOINT.join((*path.parent.parts, path.stem)) if by_path else path.stem


def id_fault(text: str) -> str | None:
    """Why a text cannot be an image id, worded to follow the name; None if it can.

    An id is the stem of a file name: no separators, not hidden, printable, not too long.

    >>> id_fault(".a"), id_fault("a")
    ('begins with a dot, as hidden files do', None)
    """
    reasons = {
        "is empty": not text,
        f"has more than {MAX_ID} characters": len(text) > MAX_ID,
        "holds bytes that are no UTF-8": _is_foreign(text),
        "holds signs that cannot be shown": not text.isprintable(),
        "is no name but a path": bool(set(text) & set("/\\")),
        "holds a colon, which other systems do not allow in file names": ":" in text,
        "begins with a dot, as hidden files do": text[:1] == ".",
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def is_inside(name: str) -> bool:
    """Whether a file name stays inside its folder or a folder below.

    >>> is_inside("a/b.jpg"), is_inside("../b.jpg")
    (True, False)
    """
    parts = PurePosixPath(name).parts
    return bool(parts) and name.isprintable() and name[0] != "/" and ".." not in parts and "\\" not in name


def name_fault(name: str, by_path: bool = False) -> str | None:
    """Why an image below its folder cannot have this name, worded to follow the name; None if it can."""
    if _is_foreign(name):
        return "holds bytes that are no UTF-8"
    if name != name.strip():
        return "begins or ends with a space"
    if any(len(part.encode()) > MAX_BYTES for part in PurePosixPath(name).parts):
        return f"has a part of more than {MAX_BYTES} bytes, too long for a file name"
    if name.isprintable() and not is_inside(name):
        return "leads out of the folder of images, or has a \\ in it"
    return id_fault(image_id(name, by_path))


def normalised(name: str) -> str:
    r"""A name with accents as one character (NFC). macOS stores them as two (NFD), which looks the same.

    >>> normalised("e\u0301") == "é"
    True
    """
    return unicodedata.normalize("NFC", name)


def class_name(value: object) -> str:
    """A class name without surrounding spaces, with accents as one character. "" if the value cannot be a name.

    >>> class_name(" cat "), class_name(3), class_name(None)
    ('cat', '3', '')
    """
    text = str(value) if type(value) in (int, float) else value
    return normalised(text.strip()) if isinstance(text, str) else ""


def is_background(name: str) -> bool:
    """Whether a class is the background: `background`, LabelMe's `_background_`, Faster R-CNN's `__background__`.

    >>> is_background("_Background_"), is_background("cat")
    (True, False)
    """
    return name.strip("_").lower() == "background"


def plain_path(name: str) -> str:
    r"""A path below a folder in one spelling, also for Windows' separators.

    >>> plain_path("./a//b.png"), plain_path("a\\b.png")
    ('a/b.png', 'a/b.png')
    """
    return str(PurePosixPath(name.replace("\\", "/"))) if name else ""


def printable(text: str) -> str:
    r"""A text that can be printed and written as UTF-8: other bytes and characters are escaped.

    >>> print(printable("a\nb\udcff"))
    a\nb\xff
    """
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in text)


def _is_foreign(text: str) -> bool:
    """Whether a name held bytes that are not UTF-8, which Python keeps as surrogates."""
    return any("\ud800" <= sign <= "\udfff" for sign in text)


def _escaped(sign: str) -> str:
    byte = ord(sign) - 0xDC00
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else sign.encode("unicode_escape").decode("ascii")
