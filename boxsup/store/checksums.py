"""Checksums of what is on disk, written when it is made, and what no longer agrees with them.

A store has the SHA-256 of each of its files in one of them, in the form of `sha256sum`. A checkpoint is a zip archive,
which has the CRC-32 of each of its parts already.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

CHECKSUMS = "SHA256SUMS"
CHECK_ADVICE = "`boxsup check` says what is damaged and how to make it again"  # what errors of readers advise
STAMP = ".snakemake_timestamp"  # Snakemake's own, in every folder that it made; changes with each run


def write_checksums(folder: Path) -> None:
    """Write the checksums of a folder's files into it, the same bytes for equal files."""
    lines = [f"{sha256_of(folder / name)}  {name}\n" for name in _files(folder)]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def missing_files(folder: Path) -> list[str]:
    """The files of a store that are no longer there, none if it has no checksums: cheap enough for every opening.

    Zarr itself takes a chunk that is missing for one that was never written.
    """
    try:
        expected = _read_checksums(folder)
    except (OSError, ValueError):
        return []
    return [name for name in expected if not (folder / name).is_file()]


def folder_damages(folder: Path) -> list[str]:
    """What is wrong with a store, in one line each; none if it is as it was made.

    Every file is read. Snakemake's time stamp does not count.
    """
    try:
        expected = _read_checksums(folder)
    except FileNotFoundError:
        return [f"no {CHECKSUMS}: made before there were any, or lost"]
    except (OSError, ValueError) as error:
        return [f"{CHECKSUMS} cannot be read ({error})"]
    there = set(_files(folder))
    damages = [f"{name} is missing" for name in expected if name not in there]
    damages += [f"{name} is not part of it" for name in sorted(there - expected.keys())]
    for name in sorted(there & expected.keys()):
        try:
            if sha256_of(folder / name) != expected[name]:
                damages.append(f"{name} has other bytes than when it was made")
        except OSError as error:
            damages.append(f"{name} cannot be read ({error.strerror})")
    return damages


def archive_damages(path: Path) -> list[str]:
    """What is wrong with a file of `torch.save`, in one line; none if every part has the CRC-32 that it was given."""
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
    """File -> its SHA-256 in hex digits; raises a ValueError where that is not what the lines hold."""
    pairs = [line.split("  ", 1) for line in (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()]
    if not pairs or any(len(pair) != 2 or len(pair[0]) != 64 or not pair[1] for pair in pairs):
        raise ValueError("expected a SHA-256 and the name of a file in each line")
    return {name: digest for digest, name in pairs}


def _files(folder: Path) -> Iterator[str]:
    """A folder's files but for the checksums and the time stamp, in order, with `/` between the parts of a path."""
    paths = sorted(Path(base, name) for base, _, names in os.walk(folder) for name in names)
    names = (path.relative_to(folder).as_posix() for path in paths)
    return (name for name in names if name not in (CHECKSUMS, STAMP))
