"""Finds the checkpoint that a user means by a file or a folder, and how its run labels images."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from boxsup.config.build import build
from boxsup.config.inference import CrfSettings
from boxsup.errors import ConfigError, StoreError
from boxsup.experiments.found import (
    checkpoints_in,
    experiment_around,
    is_run,
    object_networks_in,
    run_around,
    runs_in,
    seed_of,
)
from boxsup.experiments.tree import LABELLING, MODEL, ExperimentFolder
from boxsup.inference.labelling import Labelling, RunLabelling, crf_settings, read_labelling
from boxsup.inference.weights import WEIGHTS
from boxsup.near import did_you_mean, near_paths
from boxsup.network.weights_file import SUFFIX, read_weights_file


@dataclass(frozen=True)
class Trained:
    """A checkpoint, and how its run labels images.

    Attributes:
        checkpoint: The file.
        known: How its run labels images; None if no labelling.json was found.
        run: The labelling.json, which also says which networks are the run's own; None as above.
    """

    checkpoint: Path
    known: Labelling | None
    run: RunLabelling | None = None

    @property
    def labelling(self) -> Labelling:
        """How the run labels images; if that is not known, the defaults."""
        return self.known or Labelling()

    def object_networks(self) -> list[Path]:
        """The object networks of the checkpoint's run; empty if it has none, or if the checkpoint is a copy."""
        found = self.run.object_networks_in if self.run else object_networks_in
        runs = (run_around(path) for path in (self.checkpoint.absolute(), self.checkpoint.resolve()))
        return next(filter(None, (found(run) for run in runs if run is not None)), [])

    @property
    def note(self) -> str:
        """What to tell a user if it is not known how the run labels images; otherwise empty."""
        if self.known is not None:
            return ""
        return (
            f"{self.checkpoint}: no {LABELLING} beside it or in its run, so labels are plain (scale 1, no bias, no "
            f"CRF); for the labels of its page, put results/EXPERIMENT/{LABELLING} beside it, which Snakemake makes "
            "with the page"
        )


def find_trained(path: str | os.PathLike[str]) -> Trained:
    """Find the checkpoint that a path means, and how its run labels images.

    Args:
        path: A `model.pt` or an exported `.safetensors`, or a folder with one in it; or the folder of a run,
            `results/EXPERIMENT/seed-S`; or `results/EXPERIMENT`, which means the run of its first seed. A run's
            checkpoint is that of the epoch on its page or, if that does not exist yet, of its last epoch.

    Raises:
        StoreError: The path does not exist, the folder has no checkpoint, or its labelling.json cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise StoreError(f"{path}: no such checkpoint{did_you_mean(near_paths(path))}")
    if not path.is_dir():
        if path.suffix == SUFFIX:
            return Trained(path, _in_file(path))
        run = _beside(path)
        return Trained(path, run.labelling if run else None, run)
    if (path / WEIGHTS).is_file() and not (path / MODEL).is_file():
        return find_trained(path / WEIGHTS)
    if (path / MODEL).is_file():
        return find_trained(path / MODEL)
    absolute = path.absolute()
    above = (path if path.name == absolute.name else absolute).parent
    folder = path if (path / LABELLING).is_file() else above if is_run(absolute) else None
    if folder is None or not (folder / LABELLING).is_file():
        return Trained(last_checkpoint(path), None)
    return _of_run(None if folder == path else seed_of(absolute), folder, read_labelling(folder / LABELLING))


def override_labelling(
    labelling: Labelling,
    scales: Sequence[float] | None,
    background_bias: float | None,
    megapixels: float | None = None,
) -> Labelling:
    """How a run labels images, with other scales, another bias or another size if they are given."""
    overrides = {"scales": scales, "background_bias": background_bias, "megapixels": megapixels}
    return labelling.changed(**{key: value for key, value in overrides.items() if value is not None})


def override_crf(labelling: Labelling, crf: bool | None = None, config: Path | None = None) -> CrfSettings | None:
    """Settings of the dense CRF that refines the labels; None for no CRF.

    Args:
        labelling: How the run labels images.
        crf: Whether to refine the labels; None does what the run does.
        config: A configuration file whose keys replace settings of the CRF.

    Raises:
        ConfigError: The file cannot be read, a setting is wrong, or a CRF is asked for that the file takes away.
    """
    if crf:
        asked = crf_settings(labelling.refining, config)
        if not asked.refines:
            raise ConfigError(f"{config}: defaults.inference.crf.iterations: 0 is no CRF; leave it out, or --crf")
        return asked
    settings = crf_settings(labelling.crf, config) if crf is None and labelling.crf else None
    return settings if settings and settings.refines else None


def print_note(trained: Trained) -> None:
    """Print a note if it is not known how the run labels images."""
    if trained.note:
        print(f"note: {trained.note}", file=sys.stderr)


def last_checkpoint(folder: Path, epochs: int | None = None) -> Path:
    """The checkpoint of a run's last epoch.

    Args:
        folder: The folder of a run, or of an experiment, whose first seed counts.
        epochs: How many the run has: checkpoints of later ones were left by an earlier, longer run.

    Raises:
        StoreError: The folder has no checkpoint.
    """
    runs = (checkpoints_in(run, epochs) for run in (folder, *runs_in(folder)))
    checkpoints = next(filter(None, runs), None)
    if checkpoints is None:
        raise StoreError(
            f"{folder}: no checkpoint in it; name a {MODEL}, or the folder of a run with epochs/NNN/{MODEL}"
        )
    return checkpoints[-1]


def _in_file(path: Path) -> Labelling:
    """How an exported network labels images, as its file says."""
    try:
        return build(Labelling, read_weights_file(path)["labelling"], "labelling")
    except (KeyError, ConfigError) as error:
        raise StoreError(f"{path}: does not say how to label images ({error}); export it again") from error


def _beside(path: Path) -> RunLabelling | None:
    """The labelling.json beside a checkpoint or, if there is none, that of its experiment."""
    for checkpoint in dict.fromkeys((path.absolute(), path.resolve())):
        for folder in filter(None, (checkpoint.parent, experiment_around(checkpoint))):
            if (folder / LABELLING).is_file():
                return read_labelling(folder / LABELLING)
    return None


def _of_run(seed: str | None, folder: Path, run: RunLabelling) -> Trained:
    """The checkpoint of an experiment's run; it may be a run of another experiment (`checkpoints_of`).

    Args:
        seed: The seed; None for the first.
        folder: The experiment's folder.
        run: The labelling.json of the experiment.
    """
    experiment = ExperimentFolder(run.checkpoints_of or folder.name, folder.parent)
    run_folder = experiment.run(run.seeds[0] if seed is None else seed)
    shown = run_folder.model(run.epochs)
    own = shown if shown.is_file() else last_checkpoint(run_folder.folder, run.epochs)
    return Trained(own, run.labelling, run)
