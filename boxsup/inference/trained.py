"""Which checkpoint a user means by a file or a folder, and how its run labels images."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from boxsup.config.inference import CrfSettings
from boxsup.errors import StoreError
from boxsup.experiments.tree import (
    LABELLING,
    MODEL,
    ExperimentFolder,
    checkpoints_in,
    experiment_around,
    is_run,
    runs_in,
    seed_of,
)
from boxsup.inference.labelling import Labelling, RunLabelling, crf_settings, read_labelling
from boxsup.near import did_you_mean, near_paths


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
            f"{self.checkpoint}: no {LABELLING} beside it or in its run, so labels are plain (scale 1, no bias, "
            "no CRF); "
            f"for those of its page put results/EXPERIMENT/{LABELLING} beside it, which Snakemake makes for the page"
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
    folder = path if (path / LABELLING).is_file() else above if is_run(place) else None
    if folder is None or not (folder / LABELLING).is_file():
        return Trained(last_checkpoint(path), None)
    return _of_run(None if folder == path else seed_of(place), folder, read_labelling(folder / LABELLING))


def chosen(own: Labelling, scales: Sequence[float] | None, background_bias: float | None) -> Labelling:
    """How a run labels images, with other scales and another bias where they are given."""
    given = {"scales": scales, "background_bias": background_bias}
    return own.changed(**{key: value for key, value in given.items() if value is not None})


def chosen_crf(own: Labelling, crf: bool | None = None, config: Path | None = None) -> CrfSettings | None:
    """The dense CRF that refines the labels, or None for none.

    Args:
        own: How the run labels images.
        crf: Whether to refine them; None for what the run does.
        config: A file whose keys are laid over the settings of the CRF.
    """
    wanted = own.crf is not None if crf is None else crf
    return crf_settings(own.crf, config) if wanted else None


def tell(trained: Trained) -> None:
    """Say in a line where nothing says how the run labels images."""
    if trained.note:
        print(f"note: {trained.note}", file=sys.stderr)


def last_checkpoint(folder: Path) -> Path:
    """The checkpoint of a run's last epoch; of an experiment's folder, that of its first seed.

    Raises:
        StoreError: The folder has none.
    """
    found = next(filter(None, map(checkpoints_in, [folder, *runs_in(folder)])), None)
    if found is None:
        raise StoreError(
            f"{folder}: no checkpoint in it; name a {MODEL}, or the folder of a run with epochs/NNN/{MODEL}"
        )
    return found[-1]


def _of_file(path: Path) -> Labelling | None:
    """How a checkpoint's run labels images, by the file beside it or that of its experiment."""
    for place in dict.fromkeys((path.absolute(), path.resolve())):
        folders = filter(None, (place.parent, experiment_around(place)))
        found = next((file for folder in folders if (file := folder / LABELLING).is_file()), None)
        if found:
            return read_labelling(found).labelling
    return None


def _of_run(seed: str | None, folder: Path, run: RunLabelling) -> Trained:
    """The checkpoint of an experiment's run, the first without a seed; it may be another experiment's."""
    owner = ExperimentFolder(run.checkpoints_of or folder.name, folder.parent)
    own = owner.run(run.seeds[0] if seed is None else seed)
    shown = own.model(run.epochs)
    return Trained(shown if shown.is_file() else last_checkpoint(own.folder), run.labelling)
