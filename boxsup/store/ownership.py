"""What is not ours is never replaced: outputs are claimed before any work, and looked at again when they are replaced.

A file or folder is ours if its manifest (`boxsup.store.manifest`) proves that we wrote it and nobody changed it since.
What is not, and yet in the way, stops the command; or, with `--overwrite`, is kept under a dated name. What Snakemake's
jobs write are Snakemake's outputs, which it removes itself: they are replaced as they are, and have no manifests.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from boxsup.errors import StoreError
from boxsup.machine.stopping import remove
from boxsup.near import shorter
from boxsup.store import leftovers
from boxsup.store.checksums import sha256_of
from boxsup.store.manifest import Ledger, Snapshot, foreign_files, is_regular, take_snapshot, write_seal
from boxsup.store.renames import dated_names, put_aside

BY_SNAKEMAKE = "BOXSUP_BY_SNAKEMAKE"  # in the environment of its jobs: workflow/rules/common.smk


@dataclass(frozen=True)
class Claim:
    """An output.

    Attributes:
        base: The folder whose ledger has it, if it is a file.
        ours: How what was there looked when it was ours; None where nothing was, or what is not ours.
    """

    base: Path
    ours: Snapshot | None


class Claims:
    """What a command writes."""

    def __init__(self, overwrite: bool = False, by_snakemake: bool | None = None) -> None:
        """Nothing yet.

        Args:
            overwrite: Whether what is in the way is kept under a dated name, in place of an error.
            by_snakemake: Whether Snakemake owns the outputs; None: as the environment says.
        """
        self.by_snakemake = BY_SNAKEMAKE in os.environ if by_snakemake is None else by_snakemake
        self._overwrite = overwrite
        self._claims: dict[str, Claim] = {}
        self._ledgers: dict[Path, Ledger] = {}

    def add(self, paths: Iterable[Path], base: Path | None = None, keep_damaged: bool = False) -> None:
        """Claim outputs, before any work.

        Args:
            paths: Files and folders that will be written, and replaced as wholes.
            base: The folder of the ledger of these files; None: the one that each is in.
            keep_damaged: Keep files that we wrote, and that were changed since, under a dated name, not as an error.

        Raises:
            StoreError: Something is in the way that is not ours, or no folder can be there.
        """
        new = (Path(os.path.abspath(path)) for path in paths)
        places = {path: base for path in new if str(path) not in self._claims}
        _check_here(places)
        for folder in sorted({path.parent for path in places}):
            _check_folder(folder)
            self.clear(folder, base)
        found = {path: self._claim(path, own) for path, own in places.items()}
        blocked = [
            path for path, claim in found.items() if claim is None and not (keep_damaged and self._wrote(path, base))
        ]
        if blocked and not self._overwrite:
            raise StoreError(self._in_the_way(blocked))
        self._claims.update(
            {str(path): claim or Claim(self._base(path, places[path]), None) for path, claim in found.items()}
        )

    def clear(self, folder: Path, base: Path | None = None) -> None:
        """Put right what killed writers left in a folder; see `boxsup.store.leftovers.clear_leftovers`.

        Whoever owns the outputs: what a command by hand was taking out of their way may be a user's.
        """
        leftovers.clear_leftovers(folder, lambda old, output: self._is_proved(old, output, base))

    def about_to_appear(self, path: Path, partial: Path) -> str | None:
        """Write down that what is whole at `partial` will be at `path`; the SHA-256 of a file."""
        claim = self._claims.get(os.path.abspath(path))
        if claim is None or self.by_snakemake:
            return None
        if partial.is_dir():
            write_seal(partial)
            return None
        digest = sha256_of(partial)
        self._ledger(claim.base).add(_name(path, claim.base), digest)
        return digest

    def appeared(self, path: Path, digest: str | None) -> None:
        """Write down that it is there."""
        if digest is not None:
            claim = self._claims[os.path.abspath(path)]
            self._ledger(claim.base).appeared(_name(path, claim.base), digest)

    def dispose(self, old: Path, path: Path) -> None:
        """Remove what was at `path` and has been moved to `old`; keep it under a dated name unless it is ours."""
        if not self._was_ours(old, path):
            print(f"boxsup: kept what was at {path}: {put_aside(old, path)}", file=sys.stderr)
            return
        remove(old)
        if os.path.lexists(old):
            print(f"boxsup: {old}: cannot be removed; it was at {path}, and something new is there", file=sys.stderr)

    def close(self) -> None:
        """Bring the ledgers in order."""
        for ledger in self._ledgers.values():
            ledger.close()

    def _claim(self, path: Path, base: Path | None) -> Claim | None:
        """An output's claim; None where something is in the way."""
        base = self._base(path, base)
        if self.by_snakemake or not os.path.lexists(path):
            return Claim(base, None)
        try:
            seen = take_snapshot(path)
            return None if self._foreign(path, path, base, seen) else Claim(base, seen)
        except OSError:  # what cannot be read proves nothing
            return None

    def _foreign(self, path: Path, output: Path, base: Path, seen: Snapshot) -> list[str]:
        """What of a file or folder, which is or was at `output`, is not ours; "" stands for a file itself."""
        if path.is_dir() and not path.is_symlink():
            return foreign_files(path, seen)
        ours = is_regular(seen[""]) and self._ledger(base).holds(_name(output, base), path)
        return [] if ours else [""]

    def _wrote(self, path: Path, base: Path | None) -> bool:
        """Whether we wrote a file here once."""
        base = self._base(path, base)
        return path.is_file() and self._ledger(base).knows(_name(path, base))

    def _was_ours(self, old: Path, path: Path) -> bool:
        """Whether what is at `old` now was ours when it was at `path`."""
        return self.by_snakemake or self._is_proved(old, path, None)

    def _is_proved(self, old: Path, path: Path, base: Path | None) -> bool:
        """Whether a claim or a manifest says so."""
        claim = self._claims.get(os.path.abspath(path)) or Claim(self._base(path, base), None)
        try:
            seen = take_snapshot(old)
            return seen == claim.ours or not self._foreign(old, path, claim.base, seen)
        except OSError:
            return False

    def _ledger(self, folder: Path) -> Ledger:
        if folder not in self._ledgers:
            self._ledgers[folder] = Ledger(folder)
        return self._ledgers[folder]

    def _base(self, path: Path, base: Path | None) -> Path:
        return Path(os.path.abspath(base)) if base else path.parent

    def _in_the_way(self, blocked: Sequence[Path]) -> str:
        """The line that says what is in the way, and what to do."""
        first = blocked[0]
        others = f" (and {len(blocked) - 1} more)" if len(blocked) > 1 else ""
        kept = next(dated_names(first, first.is_dir() and not first.is_symlink()))
        return (
            f"{shorter(first)}: {self._what(first)}{others}; write elsewhere, take it away, or add --overwrite, which "
            f"keeps it under a dated name such as {kept}"
        )

    def _what(self, path: Path) -> str:
        """What is wrong with what is there."""
        mine = "boxsup did not write it, or it was changed since"
        if path.is_symlink() or not path.is_dir():
            return mine
        try:
            names = foreign_files(path, take_snapshot(path))
        except OSError as error:
            return f"cannot be looked through ({error.strerror}: {error.filename})"
        return f"{shorter(names[0])} in it is not as boxsup wrote it, the first of {len(names)}" if names else mine


_current: list[Claims] = []


def current_claims() -> Claims | None:
    """The claims of the command that is running; None where our functions are called from elsewhere."""
    return _current[-1] if _current else None


@contextlib.contextmanager
def claiming(overwrite: bool) -> Iterator[Claims]:
    """The claims of a command while it runs."""
    claims = Claims(overwrite)
    _current.append(claims)
    try:
        yield claims
    finally:
        _current.remove(claims)
        claims.close()


def _check_here(places: Iterable[Path]) -> None:
    """Raise a StoreError where an output is the folder that the command runs in, or one above: both would be moved."""
    here = Path.cwd()
    for path in places:
        if Path(os.path.realpath(path)) in (here, *here.parents):
            raise StoreError(f"{shorter(path)}: you are in it, so it cannot be replaced; write into another folder")


def _check_folder(folder: Path) -> None:
    """Raise a StoreError where a folder of outputs cannot be: a file is there, or nothing may be written."""
    there = next(parent for parent in (folder, *folder.parents) if os.path.lexists(parent))
    if not there.is_dir():
        raise StoreError(f"{shorter(there)}: not a folder, and {shorter(folder)} cannot be made; write elsewhere")
    if not os.access(there, os.W_OK | os.X_OK):
        raise StoreError(f"{shorter(there)}: nothing may be written there; change its rights, or write elsewhere")


def _name(path: Path, base: Path) -> str:
    text, above = os.path.abspath(path), f"{base}{os.sep}"
    return text.removeprefix(above) if text.startswith(above) else os.path.relpath(text, base)
