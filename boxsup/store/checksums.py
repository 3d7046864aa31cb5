"""Checksums of stores and checkpoints: they are written with the data, and show later what is damaged.

A store has a file CHECKSUMS with the SHA-256 of each of its other files, in the format of `sha256sum`. A checkpoint is
a zip archive, which has the CRC-32 of each of its parts anyway.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from boxsup.errors import StoreError

CHECKSUMS = "SHA256SUMS"
CHECK_ADVICE = "`boxsup check` says what is damaged and how to make it again"  # the advice of readers' errors
STAMP = ".snakemake_timestamp"  # Snakemake puts one into every folder that a job made; it changes with each run


def write_checksums(folder: Path) -> None:
    """Write the checksums of a folder's files into it; equal files give equal bytes."""
    lines = [f"{sha256_of(folder / name)}  {name}\n" for name in _files(folder)]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def missing_files(folder: Path) -> list[str]:
    """The files that the checksums name and that are missing; empty if there are no checksums.

    This is cheap enough to be done whenever a store is opened. Zarr itself takes a missing chunk for one that was never
    written.
    """
    try:
        expected = _read_checksums(folder)
    except (OSError, ValueError):
        return []
    return [name for name in expected if not (folder / name).is_file()]


def folder_damages(folder: Path) -> list[str]:
    """Read every file of a store and compare it with its checksum; Snakemake's time stamp is left out.

    Returns:
        One line per damage; empty if the store is whole.
    """
    try:
        expected = _read_checksums(folder)
    except FileNotFoundError:
        return [f"no {CHECKSUMS}: made by an older version, or lost"]
    except (OSError, ValueError) as error:
        return [f"{CHECKSUMS} cannot be read ({error})"]
    present = set(_files(folder))
    damages = [f"{name} is missing" for name in expected if name not in present]
    damages += [f"{name} is not part of it" for name in sorted(present - expected.keys())]
    for name in sorted(present & expected.keys()):
        try:
            if sha256_of(folder / name) != expected[name]:
                damages.append(f"{name} has other bytes than when it was made")
        except OSError as error:
            damages.append(f"{name} cannot be read ({error.strerror})")
    return damages


def archive_damages(path: Path) -> list[str]:
    """Read a file of `torch.save` and compare each of its parts with its CRC-32.

    Returns:
        One line that says what is damaged; empty if the file is whole.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            empty = not archive.namelist()
    except OSError as error:
        return [f"cannot be read ({error.strerror or error})"]
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        return [f"truncated or damaged ({error})"]
    if damaged is not None:
        return [f"{damaged} has other bytes than when it was made"]
    return ["holds nothing"] if empty else []


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_checksums(folder: Path) -> dict[str, str]:
    """File name -> SHA-256 in hex digits; raises a ValueError if a line is damaged."""
    pairs = [line.split("  ", 1) for line in (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()]
    if not pairs or any(len(pair) != 2 or len(pair[0]) != 64 or not pair[1] for pair in pairs):
        raise ValueError("expected a SHA-256 and the name of a file on each line")
    return {name: digest for digest, name in pairs}


def _files(folder: Path) -> Iterator[str]:
    """The sorted relative paths of a folder's files, without the checksums and the time stamp."""
    paths = sorted(Path(base, name) for base, _, names in os.walk(folder) for name in names)
    names = (path.relative_to(folder).as_posix() for path in paths)
    return (name for name in names if name not in (CHECKSUMS, STAMP))


def check_shipped(path: Path, sha256: str) -> None:
    """Check a file of this package.

    Raises:
        StoreError: The file is missing, or its SHA-256 is another one.
    """
    try:
        actual = sha256_of(path)
    except OSError as error:
        raise StoreError(f"{path}: not readable ({error.strerror}); install boxsup again") from error
    if actual != sha256:
        raise StoreError(f"{path}: its sha256 begins with {actual[:8]}, expected {sha256[:8]}; install boxsup again")
