"""Reads the tree of `results/` back: the runs, checkpoints and networks in a folder, and what a path belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from boxsup.experiments.splits import DATA, PROPOSALS
from boxsup.experiments.tree import EPOCHS, LABELS, MODEL, OBJECTS, numbered

_NUMBER = re.compile(r"\d+", re.ASCII)


def is_run(folder: Path) -> bool:
    """Whether a folder is called `seed-S`, as that of a run."""
    return folder.name.startswith("seed-")


def seed_of(run: Path) -> str:
    """The seed of the run in a folder, from the folder's name."""
    return run.name.removeprefix("seed-")


def runs_in(folder: Path) -> list[Path]:
    """The folders of the runs in an experiment's folder, by rising seed."""
    return sorted(folder.glob("seed-*"), key=lambda run: (len(run.name), run.name))


def checkpoints_in(run: Path, last: int | None = None) -> list[Path]:
    """The checkpoints in a run's folder, by rising epoch, up to its last epoch if that is given."""
    found = sorted(run.glob(f"{EPOCHS}/*/{MODEL}"))
    return [path for path in found if last is None or path.parent.name <= numbered(last)]


def generations_in(run: Path, last: int | None = None, every: int = 1) -> list[Path]:
    """The generations of pseudo-masks in a run's folder, by rising number.

    Args:
        run: The folder of the run.
        last: The number of the last generation that the run makes: those above it are of an earlier, longer run. None
            if that is not known.
        every: Epochs between generations; others are of an earlier run, too.
    """
    found = ((int(path.stem), path) for path in run.glob(f"{LABELS}/*.zarr") if _NUMBER.fullmatch(path.stem))
    return [path for n, path in sorted(found) if (last is None or n <= last) and (n - 1) % every == 0]


def object_networks_in(run: Path, rounds: int | None = None, folds: int | None = None) -> list[Path]:
    """The object networks of all parts after the last round that is whole, in order; empty if there is none.

    Args:
        run: The folder of the run.
        rounds: How many rounds the run makes: those above are of an earlier run. None if that is not known.
        folds: In how many parts; others are of an earlier run, too.
    """
    found: dict[int, list[tuple[int, int, Path]]] = {}
    for path in run.glob(f"{OBJECTS}/*/*.pt"):
        names = re.fullmatch(r"(\d+)/(\d+)-of-(\d+)", f"{path.parent.name}/{path.stem}", re.ASCII)
        if names:
            turn, i, n = map(int, names.groups())
            if (rounds is None or turn <= rounds) and folds in (None, n):
                found.setdefault(turn, []).append((n, i, path))
    for turn in sorted(found, reverse=True):
        for count in sorted({n for n, *_ in found[turn]}):
            parts = sorted((i, path) for n, i, path in found[turn] if n == count)
            if len(parts) == count:
                return [path for _, path in parts]
    return []


def run_around(checkpoint: Path) -> Path | None:
    """The folder of the run that a checkpoint is in; None if it is elsewhere, such as a copy.

    >>> run_around(Path("results/demo_semi/seed-0/epochs/006/model.pt")).as_posix()
    'results/demo_semi/seed-0'
    """
    epochs = checkpoint.parent.parent
    return epochs.parent if epochs.name == EPOCHS else None


def experiment_around(checkpoint: Path) -> Path | None:
    """The folder of the experiment that a checkpoint is in; None if it is elsewhere, such as a copy.

    >>> experiment_around(Path("results/demo_semi/seed-0/epochs/006/model.pt")).as_posix()
    'results/demo_semi'
    """
    run = run_around(checkpoint)
    return None if run is None else run.parent


def candidate_stores(results: Path) -> Iterator[tuple[Path, Path]]:
    """The folder of a split's tables and the store of a shard of its candidates, for all splits and proposals."""
    for store in sorted(results.glob(f"{DATA}/*/*/{PROPOSALS}/*/*.zarr")):
        yield store.parents[2], store


def owner_of(target: str) -> str:
    """What a result belongs to: the name of an experiment, a search or a page, or `data/DATASET`.

    >>> owner_of("results/demo_semi/report.html"), owner_of("results/data/demo/train/images.csv")
    ('demo_semi', 'data/demo')
    """
    parts = Path(target).parts[1:]
    return "/".join(parts[:2] if parts[:1] == (DATA,) else parts[:1])
