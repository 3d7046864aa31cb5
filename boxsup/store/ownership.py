"""No command replaces a user's file: who owns what is at an output's path.

A claim is a command's word that it will write a path. This is the life of a claim:

1. `Claims.add`, before any work: is something at the path that is not ours? Then the command stops with one line, or
   goes on under `--overwrite`. If what is there is ours, the claim keeps a snapshot of it.
2. `boxsup.store.atomic.atomic_write`: the command writes the output under a hidden name beside its path.
3. `Claims.record`: the manifest gets the hash of the new output before that takes its path, so that no file of ours is
   ever without proof.
4. `Claims.dispose`: what was at the path has been moved aside, and is looked at again, since somebody may have changed
   it while the command worked. What is ours is removed; anything else is kept under a dated name.
5. `Claims.close`, at the end: the manifests are put in order.

A file or folder is ours if its manifest (`boxsup.store.manifest`) has the hashes of the bytes that are there.

Snakemake owns the outputs of its jobs and removes them itself, so its jobs replace what is there and keep no manifests.
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

BY_SNAKEMAKE = "BOXSUP_BY_SNAKEMAKE"  # set in the environment of jobs by workflow/rules/configuration.smk


@dataclass(frozen=True)
class Claim:
    """An output that a command will write.

    Attributes:
        base: The folder whose ledger records the output, if the output is a file.
        before: Snapshot of what was at the path when it was claimed; None if nothing was there, or nothing of ours.
    """

    base: Path
    before: Snapshot | None


class Claims:
    """The outputs of one command."""

    def __init__(self, overwrite: bool = False, by_snakemake: bool | None = None) -> None:
        """Start without any output.

        Args:
            overwrite: Keep what is in the way under a dated name, instead of raising an error.
            by_snakemake: Whether Snakemake owns the outputs; None asks the environment.
        """
        self.by_snakemake = BY_SNAKEMAKE in os.environ if by_snakemake is None else by_snakemake
        self.overwrite = overwrite
        self._claims: dict[str, Claim] = {}
        self._ledgers: dict[Path, Ledger] = {}

    @property
    def paths(self) -> list[Path]:
        """All outputs that were claimed."""
        return [Path(path) for path in self._claims]

    def add(self, paths: Iterable[Path], base: Path | None = None, keep_damaged: bool = False) -> None:
        """Claim outputs, before any work.

        Args:
            paths: Files to write, and folders to replace as a whole.
            base: The folder whose ledger records the files; None: the folder that each file is in.
            keep_damaged: Keep files that we wrote, and that were changed since, under a dated name, not as an error.

        Raises:
            StoreError: Something is in the way that is not ours, or the folder of an output cannot be made.
        """
        absolute = dict.fromkeys(Path(os.path.abspath(path)) for path in paths)
        new = [path for path in absolute if str(path) not in self._claims]
        _check_not_current_folder(new)
        for folder in sorted({path.parent for path in new}):
            _check_folder(folder)
            self.clear(folder, base)
        claims = {path: self._claim(path, _base_of(path, base)) for path in new}
        blocked = [path for path, claim in claims.items() if claim is None]
        if keep_damaged:
            blocked = [path for path in blocked if not self._was_written(path, _base_of(path, base))]
        if blocked and not self.overwrite:
            raise StoreError(_blocked_message(blocked))
        for path, claim in claims.items():
            self._claims[str(path)] = claim or Claim(_base_of(path, base), None)

    def clear(self, folder: Path, base: Path | None = None) -> None:
        """Put right what killed writers left in a folder; see `boxsup.store.leftovers.clear_leftovers`.

        Snakemake's jobs check ownership here too: a command by hand may have been moving a user's file away.
        """
        leftovers.clear_leftovers(folder, lambda old, output: self._is_ours(old, output, base))

    def record(self, path: Path, partial: Path) -> str | None:
        """Record in the manifest that what is finished at `partial` will be at `path`.

        Returns:
            The SHA-256 of a file, for `confirm`; None for a folder, and for an output that has no manifest.
        """
        claim = self._claims.get(os.path.abspath(path))
        if claim is None or self.by_snakemake:
            return None
        if partial.is_dir():
            write_seal(partial)
            return None
        digest = sha256_of(partial)
        self._ledger(claim.base).record(_name_in(claim.base, path), digest)
        return digest

    def confirm(self, path: Path, digest: str | None) -> None:
        """Record that the file whose hash `record` returned is in place now."""
        if digest is not None:
            claim = self._claims[os.path.abspath(path)]
            self._ledger(claim.base).confirm(_name_in(claim.base, path), digest)

    def dispose(self, old: Path, path: Path) -> None:
        """Remove what was at `path` and is now at `old`, if it is ours; otherwise keep it under a dated name."""
        if not self.by_snakemake and not self._is_ours(old, path, None):
            print(f"boxsup: kept what was at {path}: {put_aside(old, path)}", file=sys.stderr)
            return
        remove(old)
        if os.path.lexists(old):
            print(f"boxsup: {old}: cannot be removed; it was at {path}, and something new is there", file=sys.stderr)

    def close(self) -> None:
        """Put the ledgers in order."""
        for ledger in self._ledgers.values():
            ledger.close()

    def _claim(self, path: Path, base: Path) -> Claim | None:
        """The claim of an output; None if something is in the way."""
        if self.by_snakemake or not os.path.lexists(path):
            return Claim(base, None)
        try:
            snapshot = take_snapshot(path)
            return None if self._foreign_files(path, path, base, snapshot) else Claim(base, snapshot)
        except OSError:  # what cannot be read proves nothing
            return None

    def _foreign_files(self, path: Path, output: Path, base: Path, snapshot: Snapshot) -> list[str]:
        """The names of what is not ours at `path`, which is or was at `output`; a file's own name is ""."""
        if path.is_dir() and not path.is_symlink():
            return foreign_files(path, snapshot)
        ours = is_regular(snapshot[""]) and self._ledger(base).proves(_name_in(base, output), path)
        return [] if ours else [""]

    def _was_written(self, path: Path, base: Path) -> bool:
        """Whether `path` is a file that we wrote once, maybe with other content."""
        return path.is_file() and self._ledger(base).has(_name_in(base, path))

    def _is_ours(self, old: Path, path: Path, base: Path | None) -> bool:
        """Whether a claim or a manifest proves that what was at `path` and is now at `old` is ours."""
        claim = self._claims.get(os.path.abspath(path)) or Claim(_base_of(path, base), None)
        try:
            snapshot = take_snapshot(old)
            return snapshot == claim.before or not self._foreign_files(old, path, claim.base, snapshot)
        except OSError:
            return False

    def _ledger(self, folder: Path) -> Ledger:
        if folder not in self._ledgers:
            self._ledgers[folder] = Ledger(folder)
        return self._ledgers[folder]


_stack: list[Claims] = []


def current_claims() -> Claims | None:
    """The claims of the command that is running; None if our functions are called without a command."""
    return _stack[-1] if _stack else None


@contextlib.contextmanager
def claiming(overwrite: bool) -> Iterator[Claims]:
    """Hold the claims of a command while it runs.

    Args:
        overwrite: See `Claims`.

    Yields:
        The claims, still empty.
    """
    claims = Claims(overwrite)
    _stack.append(claims)
    try:
        yield claims
    finally:
        _stack.remove(claims)
        claims.close()


def _blocked_message(blocked: Sequence[Path]) -> str:
    """The line that says what is in the way, and what to do."""
    first = blocked[0]
    others = f" (and {len(blocked) - 1} more)" if len(blocked) > 1 else ""
    kept = next(dated_names(first, first.is_dir() and not first.is_symlink()))
    return (
        f"{shorter(first)}: {_reason(first)}{others}; write elsewhere, take it away, or add --overwrite, which keeps "
        f"it under a dated name such as {kept}"
    )


def _reason(path: Path) -> str:
    """Why what is at a path is in the way."""
    not_ours = "boxsup did not write it, or it was changed since"
    if path.is_symlink() or not path.is_dir():
        return not_ours
    try:
        names = foreign_files(path, take_snapshot(path))
    except OSError as error:
        return f"cannot be looked through ({error.strerror}: {error.filename})"
    return f"{shorter(names[0])} in it is not as boxsup wrote it, the first of {len(names)}" if names else not_ours


def _check_not_current_folder(paths: Iterable[Path]) -> None:
    """Raise a StoreError if an output is the current folder or one above it: the user's shell would move with it."""
    here = Path.cwd()
    for path in paths:
        if Path(os.path.realpath(path)) in (here, *here.parents):
            raise StoreError(f"{shorter(path)}: you are in it, so it cannot be replaced; write into another folder")


def _check_folder(folder: Path) -> None:
    """Raise a StoreError if no output can be written into a folder: it is a file, or may not be written to."""
    existing = next(parent for parent in (folder, *folder.parents) if os.path.lexists(parent))
    if not existing.is_dir():
        raise StoreError(f"{shorter(existing)}: not a folder, and {shorter(folder)} cannot be made; write elsewhere")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise StoreError(f"{shorter(existing)}: you may not write there; change its rights, or write elsewhere")


def _base_of(path: Path, base: Path | None) -> Path:
    """The folder whose ledger records a file: `base`, or the folder that the file is in."""
    return Path(os.path.abspath(base)) if base else path.parent


def _name_in(base: Path, path: Path) -> str:
    """The name of a file in the ledger of `base`."""
    text, prefix = os.path.abspath(path), f"{base}{os.sep}"
    return text.removeprefix(prefix) if text.startswith(prefix) else os.path.relpath(text, base)
