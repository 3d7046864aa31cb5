"""Which checkpoint a user means by a file or a folder, and how its run labels images."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from boxsup.errors import StoreError
from boxsup.inference.labelling import NAME, Labelling, RunLabelling, crf_settings, read_labelling
from boxsup.near import did_you_mean, near_paths
from boxsup.settings import CrfSettings

MODEL = "model.pt"


@dataclass(frozen=True)
class Trained:
    """A checkpoint, and how its run labels images.

    Attributes:
        checkpoint: The file.
        known: How; None where nothing says it.
    """

    checkpoint: Path
    known: Labelling | None

    @property
    def labelling(self) -> Labelling:
        """How it labels images, as far as that is known."""
        return self.known or Labelling()

    @property
    def note(self) -> str:
        """What to tell a user where nothing says how the run labels images; else empty."""
        if self.known is not None:
            return ""
        return (
            f"{self.checkpoint}: no {NAME} beside it or in its run, so labels are plain (scale 1, no bias, no CRF); "
            f"for those of its page put results/EXPERIMENT/{NAME} beside it, which Snakemake makes for the page"
        )


def find_trained(path: str | os.PathLike[str]) -> Trained:
    """The checkpoint that a path means, and how its run labels images.

    Args:
        path: A `model.pt`, or a folder that has one; `results/EXPERIMENT/seed-S`, or `results/EXPERIMENT`, whose first
            seed counts: the epoch that their page shows or, where that is not there yet, the last one.

    Raises:
        StoreError: The path is not there, the folder has no checkpoint, or its labelling.json cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise StoreError(f"{path}: no such checkpoint{did_you_mean(near_paths(path))}")
    if not path.is_dir():
        return Trained(path, _of_file(path))
    if (path / MODEL).is_file():
        return find_trained(path / MODEL)
    place = path.absolute()
    above = (path if path.name == place.name else place).parent
    folder = path if (path / NAME).is_file() else above if place.name.startswith("seed-") else None
    if folder is None or not (folder / NAME).is_file():
        return Trained(last_checkpoint(path), None)
    return _of_run(None if folder == path else place.name, folder, read_labelling(folder / NAME))


def override_labelling(own: Labelling, args: argparse.Namespace) -> Labelling:
    """How a run labels images, with the scales and the bias of a command's arguments where they are given."""
    given = {"scales": args.scales, "background_bias": args.background_bias}
    return replace(own, **{key: value for key, value in given.items() if value is not None})


def override_crf(own: Labelling, args: argparse.Namespace) -> CrfSettings | None:
    """The CRF of a run, or what the arguments of `add_crf_arguments` say in its place; None for none."""
    wanted = own.crf is not None if args.crf is None else args.crf
    return crf_settings(own.crf, args.config) if wanted else None


def print_note(trained: Trained) -> None:
    """Say in a line where nothing says how the run labels images."""
    if trained.note:
        print(f"note: {trained.note}", file=sys.stderr)


def last_checkpoint(folder: Path) -> Path:
    """The checkpoint of a run's last epoch; of an experiment's folder, that of its first seed.

    Raises:
        StoreError: The folder has none.
    """
    runs = [folder, *sorted(folder.glob("seed-*"), key=lambda run: (len(run.name), run.name))]
    epochs = next(filter(None, (sorted(run.glob(f"epochs/*/{MODEL}")) for run in runs)), None)
    if epochs is None:
        raise StoreError(
            f"{folder}: no checkpoint in it; name a {MODEL}, or the folder of a run with epochs/NNN/{MODEL}"
        )
    return epochs[-1]


def _of_file(path: Path) -> Labelling | None:
    """How a checkpoint's run labels images, by the file beside it or that of its experiment."""
    for place in dict.fromkeys((path.absolute(), path.resolve())):
        beside, epochs = place.parent / NAME, place.parent.parent
        found = epochs.parent.parent / NAME if epochs.name == "epochs" and not beside.is_file() else beside
        if found.is_file():
            return read_labelling(found).labelling
    return None


def _of_run(seed: str | None, folder: Path, run: RunLabelling) -> Trained:
    """The checkpoint of an experiment's run, the first without a `seed-S`; it may be another experiment's."""
    own = (folder.parent / run.checkpoints_of if run.checkpoints_of else folder) / (seed or f"seed-{run.seeds[0]}")
    shown = own / "epochs" / f"{run.epochs:03d}" / MODEL
    return Trained(shown if shown.is_file() else last_checkpoint(own), run.labelling)
