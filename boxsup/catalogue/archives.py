"""Downloads published archives: once, resuming broken downloads, verified by MD5."""

from __future__ import annotations

import hashlib
import http
import http.client
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from boxsup.errors import DataError
from boxsup.machine.bars import tqdm

CHUNK = 2**20  # bytes
TIMEOUT = 30  # seconds without a byte


@dataclass(frozen=True)
class Archive:
    """A published file: its name, its URL, and its MD5 in hex digits."""

    name: str
    url: str
    md5: str


def is_present(archive: Archive, folder: Path) -> bool:
    """Whether a folder holds an archive, complete.

    Raises:
        DataError: A file of that name has another MD5.
    """
    path = folder / archive.name
    if not path.is_file():
        return False
    found = md5_of(path)
    if found != archive.md5:
        raise DataError(f"{path}: expected MD5 {archive.md5}, got {found}; replace the file or remove it")
    return True


def fetch(archive: Archive, folder: Path) -> None:
    """Download an archive, resuming an interrupted download.

    Received bytes are kept in `NAME.partial`, which is renamed only when its MD5 is right.

    Raises:
        DataError: The server cannot be reached, breaks off, or sends other bytes than expected.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{archive.name}.partial"
    try:
        _receive(archive, partial)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise DataError(f"{archive.url}: cannot be fetched ({reason or type(error).__name__})") from error
    found = md5_of(partial)
    if found != archive.md5:
        partial.unlink()
        raise DataError(f"{archive.url}: expected MD5 {archive.md5}, got {found}; nothing was kept")
    partial.rename(folder / archive.name)


def md5_of(path: str | os.PathLike[str]) -> str:
    """The MD5 of a file in hex digits. It only guards against accidents; the data sets publish no other checksum."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _receive(archive: Archive, partial: Path) -> None:
    """Append the missing bytes to `partial`."""
    start = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(archive.url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is missing; the MD5 will tell
        raise
    with response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        left = response.headers.get("Content-Length")
        with open(partial, "ab" if resumed else "wb") as file:
            received = _copy(response, file, archive.name, int(left) if left else None)
    if left and received < int(left):
        raise http.client.IncompleteRead(b"", int(left) - received)


def _copy(source: BinaryIO, target: BinaryIO, name: str, total: int | None) -> int:
    received = 0
    with tqdm(total=total, desc=name, unit="B", unit_scale=True, disable=None) as progress:
        while chunk := source.read(CHUNK):
            target.write(chunk)
            received += len(chunk)
            progress.update(len(chunk))
    return received
