"""`boxsup epoch`: train one epoch."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from boxsup.catalogue.split_tables import SplitTables
from boxsup.commands.argument_types import from_zero, whole_number
from boxsup.commands.outputs import add_output_arguments, claims_for_another_process
from boxsup.commands.split_arguments import add_catalogue_argument
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.config.build import parse
from boxsup.config.training import ScheduleSettings, TrainingSettings
from boxsup.errors import BoxSupError, DataError, StoreError
from boxsup.experiments.tree import EpochFolder
from boxsup.machine.devices import device
from boxsup.machine.instructions import warn_of_other_instructions
from boxsup.machine.processors import note_few_processors
from boxsup.network.checkpoint import (
    Checkpoint,
    instructions_of,
    load_checkpoint,
    save_checkpoint,
)
from boxsup.network.trial import norms_of_one_value
from boxsup.store.csv import write_csv
from boxsup.training.data import EpochData, batch_order, batches, read_batches
from boxsup.training.epoch import DivergedError, make_optimizer, train_epoch
from boxsup.training.momentum import load_momentum, save_momentum
from boxsup.training.parallel import is_main_process
from boxsup.training.progress import Progress

EXAMPLE = (
    "boxsup epoch --catalogue results/data/demo/train --labels results/demo_semi/seed-0/labels/001.zarr "
    '--model results/demo_semi/seed-0/epochs/000/model.pt --epoch 1 --seed 0 --training "$TRAINING" '
    '--schedule "$SCHEDULE" --out 001'
)


@dataclass(frozen=True)
class EpochJob:
    """One epoch to train: the files that it reads and writes, its number and its settings; see `add_arguments`."""

    catalogue: Path
    labels: Path
    model: Path
    optimizer: Path | None
    epoch: int
    seed: int
    training: TrainingSettings
    schedule: ScheduleSettings
    workers: int
    tensorboard: Path | None
    out: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser, "training split")
    parser.add_argument("--labels", type=Path, required=True, help=".zarr folder of the generation to train on")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint of the epoch before")
    parser.add_argument("--optimizer", type=Path, help="momentum buffers of the epoch before; none for the first epoch")
    parser.add_argument("--epoch", type=whole_number, required=True, help="number of the epoch, from 1")
    parser.add_argument("--seed", type=from_zero, required=True, help="seed of the run")
    parser.add_argument("--training", required=True, help="JSON of the training's settings")
    parser.add_argument("--schedule", required=True, help="JSON of the schedule's settings")
    add_workers_argument(parser, "number of processes per GPU that read images", default=0, least=0)
    parser.add_argument("--tensorboard", type=Path, help="folder for TensorBoard's events, if it is installed")
    text = "folder for train.csv, optimizer.pt and model.pt"
    add_output_arguments(parser, text, outputs=_outputs, written=["tensorboard"])


def _outputs(args: argparse.Namespace) -> list[Path]:
    files = EpochFolder(args.out)
    return [files.progress, files.optimizer, files.model]


def run(
    *,
    catalogue: Path,
    labels: Path,
    model: Path,
    optimizer: Path | None,
    epoch: int,
    seed: int,
    training: str,
    schedule: str,
    workers: int,
    tensorboard: Path | None,
    out: Path,
) -> None:
    """Train in one process or in several, one per GPU, and write the checkpoint; model.pt comes last."""
    settings = parse(TrainingSettings, training, "training")
    rates = parse(ScheduleSettings, schedule, "schedule")
    job = EpochJob(catalogue, labels, model, optimizer, epoch, seed, settings, rates, workers, tensorboard, out)
    if settings.gpus == 1:
        train(job)
        return
    from boxsup.training.torchrun import run_in_processes  # costs time that one process need not pay

    run_in_processes(_train_as_member, settings.gpus, job=job, claims=claims_for_another_process())


def _train_as_member(*, job: EpochJob, claims: Callable[[], AbstractContextManager[None]]) -> None:
    """Train in one of several processes; the one that writes claims the outputs, since claims are per process."""
    with claims() if is_main_process() else nullcontext():
        train(job)


def train(job: EpochJob) -> None:
    """Train the epoch in this process, alone or as one of several, the first of which writes."""
    settings = job.training
    checkpoint, split = load_checkpoint(job.model), SplitTables(job.catalogue)
    _check(checkpoint, job.model, split.classes, job.epoch)
    data = EpochData(split, job.labels, settings, job.seed, job.epoch, checkpoint.normalisation)
    loader = batches(data, settings, job.seed, job.epoch, job.workers)
    order = batch_order(data, settings, job.seed, job.epoch)
    main = is_main_process()
    if main:
        warn_of_other_instructions(instructions_of(job.model), str(job.model))
        warn_of_other_instructions(data.made_with, str(job.labels))
        note_few_processors(settings.threads)
    model, (iterations, batch) = checkpoint.model, order.shape
    model.to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    if batch == 1:
        _check_single(checkpoint, settings.crop, len(data))
    optimizer = make_optimizer(model, settings)
    if job.optimizer:
        load_momentum(job.optimizer, optimizer, checkpoint.epoch)
    with Progress(job.epoch, iterations, batch, job.tensorboard if main else None, shown=main) as progress:
        data_read, step = read_batches(loader), progress.step
        try:
            train_epoch(model, optimizer, data_read, iterations, settings, job.schedule, job.seed, job.epoch, step)
        except DivergedError as error:
            images = ", ".join(data.ids[index] for index in order[error.batch])
            raise BoxSupError(
                f"{error}; its images: {images}; the last good checkpoint is {job.model}; lower training.rate (or "
                "training.head_rate) and run again"
            ) from error
    if main:
        files = EpochFolder(job.out)
        write_csv(files.progress, progress.table())
        save_momentum(files.optimizer, optimizer, job.epoch)
        save_checkpoint(files.model, replace(checkpoint, epoch=job.epoch))


def _check(checkpoint: Checkpoint, path: Path, classes: Sequence[str], epoch: int) -> None:
    """Raise a StoreError unless a checkpoint is of these classes and of the epoch before."""
    if checkpoint.classes != classes:
        raise StoreError(f"{path}: its classes are not those of the split; choose a split of its data set")
    if checkpoint.epoch != epoch - 1:
        raise StoreError(f"{path}: it is of epoch {checkpoint.epoch}; epoch {epoch} goes on from that of {epoch - 1}")


def _check_single(checkpoint: Checkpoint, crop: int, images: int) -> None:
    """Raise a DataError if the network cannot learn from batches of a single image."""
    norms = norms_of_one_value(checkpoint.model, crop, crop)
    if norms:
        where = "training.batch: 1 image is too few" if images > 1 else "the training split has a single image"
        advice = "set it to 2 or more" if images > 1 else "add images"
        raise DataError(
            f"{where}: of each channel, {norms[0]} of {checkpoint.network} gets one value, which it cannot normalise; "
            f"{advice}, or choose another network"
        )
