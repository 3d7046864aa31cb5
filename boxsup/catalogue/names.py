"""What files, images and classes may be called, and which names are the same."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

MAX_ID = 200  # characters
MAX_BYTES = 255  # of a file's or folder's name, on the file systems that people have
JOINT = "__"  # between the folders and the name in an id that is made of a path


def image_id(name: str, by_path: bool = False) -> str:
    """An image's id by its name below the folder of images.

    Args:
        name: With its ending, folders parted by "/".
        by_path: Whether folders count, so that images of one name in several folders have ids of their own.
    """
    path = PurePosixPath(name)
    return JOINT.join((*path.parent.parts, path.stem)) if by_path else path.stem


def id_fault(text: str) -> str | None:
    """Why a text is no image's id, in words that go on from the name; None if it is one.

    An id is the stem of a file in its folder: no separators, not hidden, printable, not too long.
    """
    reasons = {
        "is empty": not text,
        f"has more than {MAX_ID} characters": len(text) > MAX_ID,
        "holds bytes that are no UTF-8": _is_foreign(text),
        "holds signs that cannot be shown": not text.isprintable(),
        "is no name but a path": bool(set(text) & set("/\\")),
        "holds a colon, which other systems do not have in the names of files": ":" in text,
        "begins with a dot, as hidden files do": text[:1] == ".",
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def is_inside(name: str) -> bool:
    """Whether a file's name stays in its folder; a folder below it is fine."""
    parts = PurePosixPath(name).parts
    return bool(parts) and name.isprintable() and name[0] != "/" and ".." not in parts and "\\" not in name


def name_fault(name: str, by_path: bool = False) -> str | None:
    """Why an image cannot be called so below its folder, in words that go on from the name; None if it can."""
    if _is_foreign(name):
        return "holds bytes that are no UTF-8"
    if name != name.strip():
        return "begins or ends with a space"
    if any(len(part.encode()) > MAX_BYTES for part in PurePosixPath(name).parts):
        return f"has a part of more than {MAX_BYTES} bytes, which no file's name has"
    if name.isprintable() and not is_inside(name):
        return "leads out of the folder of images, or is parted by \\"
    return id_fault(image_id(name, by_path))


def normalised(name: str) -> str:
    """What is equal for names that look equal: letters with accents are one sign or two (NFC or NFD), as on macOS."""
    return unicodedata.normalize("NFC", name)


def class_name(value: object) -> str:
    """A class's name without what nobody sees: spaces around it, and the form that its accents are kept in.

    A number is its digits, and what is no name is "".
    """
    text = str(value) if type(value) in (int, float) else value
    return normalised(text.strip()) if isinstance(text, str) else ""


def is_background(name: str) -> bool:
    """Whether a class is the background: `background`, LabelMe's `_background_`, Faster R-CNN's `__background__`."""
    return name.strip("_").lower() == "background"


def plain_path(name: str) -> str:
    r"""A file's name below its folder in one spelling: `./a//b.png` and Windows' `a\b.png` are `a/b.png`."""
    return str(PurePosixPath(name.replace("\\", "/"))) if name else ""


def printable(text: str) -> str:
    r"""A text that can be printed and written: bytes that are no UTF-8 as \xff, other signs as \n or \u200b."""
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in text)


def _is_foreign(text: str) -> bool:
    """Whether the system could not read a name as UTF-8, and Python keeps its bytes as half signs."""
    return any("\ud800" <= sign <= "\udfff" for sign in text)


def _escaped(sign: str) -> str:
    byte = ord(sign) - 0xDC00
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else sign.encode("unicode_escape").decode("ascii")
