"""Files that users of Python ask for by `.save(path)`: whole or not there, and never in place of a user's file."""

from __future__ import annotations

import os
from pathlib import Path

from boxsup.errors import DataError, StoreError
from boxsup.near import first_few
from boxsup.store.atomic import write_bytes
from boxsup.store.ownership import claiming


def save(path: str | os.PathLike[str], content: bytes, overwrite: bool = False) -> Path:
    """Write a file; a file that we wrote there before is replaced, if nobody has changed it.

    Args:
        path: The file.
        content: What to write.
        overwrite: Whether to keep a file that is in the way under a dated name, instead of raising an error.

    Returns:
        The path.

    Raises:
        StoreError: A file is in the way that is not ours, or the folder cannot be written to.
    """
    path = Path(path)
    with claiming(overwrite) as claims:
        try:
            claims.add([path])
        except StoreError as error:
            raise StoreError(str(error).replace("add --overwrite", "pass overwrite=True")) from error
        write_bytes(path, content)
    return path


def ending_of(path: str | os.PathLike[str], endings: dict[str, str]) -> str:
    """The ending of a file's name in lower case, which decides what is written.

    >>> ending_of("a/mask.PNG", {".png": "the mask"})
    '.png'

    Args:
        path: The file.
        endings: What each ending means.

    Raises:
        DataError: The name has another ending.
    """
    ending = Path(path).suffix.lower()
    if ending not in endings:
        expected = first_few([f"{known} ({meaning})" for known, meaning in endings.items()], len(endings))
        raise DataError(f"{path}: expected a name that ends in {expected}")
    return ending
