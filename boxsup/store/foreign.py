"""Reads files that other tools wrote, JSON and MATLAB's, with errors for people."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scipy.io import loadmat

from boxsup.errors import DataError
from boxsup.store.mat5 import decompress_mat5

COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ")  # the first bytes of gzip, zip, bzip2 and xz


def read_content(path: Path, advice: str, max_bytes: int | None = None) -> bytes:
    """Read a whole file.

    Args:
        path: The file.
        advice: What to do if the file is missing, for the error.
        max_bytes: The most bytes that it may have; None for any number.

    Raises:
        DataError: The file is missing, too large or unreadable, or it is a device or a pipe, which might not end.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; {advice}")
    try:
        size = path.stat().st_size
        if max_bytes is not None and size > max_bytes:
            raise DataError(f"{path}: {size:,} bytes; at most {max_bytes:,} are read of such a file")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def read_json(path: Path, advice: str, hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    """Read a JSON file.

    Args:
        path: The file.
        advice: What to do if the file is missing, for the error.
        hook: Replaces each mapping as soon as it is read; see `json.loads`.

    Raises:
        DataError: The file is missing, or not JSON.
    """
    content = read_content(path, advice)
    try:
        return json.loads(content, object_hook=hook)
    except (ValueError, RecursionError) as error:
        if content.startswith(COMPRESSED):
            raise DataError(f"{path}: a compressed file, not JSON; unpack it") from error
        raise DataError(f"{path}: not readable as JSON ({error}); make it again") from error


def parse_mat(content: bytes, where: str | os.PathLike[str], matlab_types: bool = False) -> dict[str, Any]:
    """The variables of a MATLAB file of version 5 to 7, name -> value.

    Args:
        content: The bytes of the file.
        where: What to call the file in an error.
        matlab_types: Return numbers in the types that they had in MATLAB, not in those that they were saved in.

    Raises:
        DataError: The file is damaged, or of version 7.3.
    """
    if content[124:126] in (b"\0\2", b"\2\0"):
        raise DataError(
            f"{where}: a MATLAB file of version 7.3 (HDF5); in MATLAB, load it and save it again with save(…, '-v7')"
        )
    try:
        variables: dict[str, Any] = loadmat(io.BytesIO(decompress_mat5(content)), mat_dtype=matlab_types)
    except Exception as error:  # SciPy's reader raises many kinds of errors for damaged files
        raise DataError(f"{where}: not a readable MATLAB file ({error}); make it again") from error
    return {name: value for name, value in variables.items() if not name.startswith("__")}
