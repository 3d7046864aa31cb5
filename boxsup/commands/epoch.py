"""`boxsup epoch`: train one epoch."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import pandas as pd
import torch
from tqdm import tqdm

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.outputs import add_output_arguments, guarded
from boxsup.config.build import parse
from boxsup.config.training import ScheduleSettings, TrainingSettings
from boxsup.errors import BoxSupError, StoreError
from boxsup.experiments.tree import EpochFolder
from boxsup.machine.devices import device
from boxsup.machine.instructions import instructions, warn_of_other_instructions
from boxsup.network.checkpoint import (
    Checkpoint,
    instructions_of,
    load,
    load_checkpoint,
    save,
    save_checkpoint,
)
from boxsup.store.csv import write_csv
from boxsup.training.data import EpochData, batch_order, batches, read_batches
from boxsup.training.epoch import DivergedError, Step, make_optimizer, train_epoch
from boxsup.training.parallel import is_main_process

EXAMPLE = (
    "boxsup epoch --catalogue results/data/demo/train --labels results/demo_semi/seed-0/labels/001.zarr "
    '--model results/demo_semi/seed-0/epochs/000/model.pt --epoch 1 --seed 0 --training "$TRAINING" '
    '--schedule "$SCHEDULE" --out 001'
)

LINES = 10  # of progress in a log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the training split's tables")
    parser.add_argument("--labels", type=Path, required=True, help="the generation to train on")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint of the epoch before")
    parser.add_argument("--optimizer", type=Path, help="its momentum buffers; none before the first epoch")
    parser.add_argument("--epoch", type=int, required=True, help="number of the epoch, from 1")
    parser.add_argument("--seed", type=int, required=True, help="of the experiment")
    parser.add_argument("--training", required=True, help="JSON of the training's settings")
    parser.add_argument("--schedule", required=True, help="JSON of the schedule's settings")
    parser.add_argument("--workers", type=int, default=0, help="processes that read, for each GPU")
    parser.add_argument("--tensorboard", type=Path, help="folder for TensorBoard's events, where it is installed")
    add_output_arguments(
        parser, "folder for train.csv, optimizer.pt and model.pt", outputs=_outputs, written=["tensorboard"]
    )


def _outputs(args: argparse.Namespace) -> list[Path]:
    made = EpochFolder(args.out)
    return [made.progress, made.optimizer, made.model]


def run(args: argparse.Namespace) -> None:
    """Write the checkpoint after the epoch, trained in one process or in several; model.pt comes last."""
    gpus = parse(TrainingSettings, args.training, "training").gpus
    if gpus == 1:
        train(args)
        return
    from boxsup.training.torchrun import run_in_processes  # costs time that one process need not pay

    run_in_processes(_train_as_member, args, gpus)


def _train_as_member(args: argparse.Namespace) -> None:
    """Train in one of several processes; the one that writes claims the outputs, since claims are per process."""
    with guarded(args) if is_main_process() else contextlib.nullcontext():
        train(args)


def train(args: argparse.Namespace) -> None:
    """Train the epoch in this process, alone or as one of several, the first of which writes."""
    settings = parse(TrainingSettings, args.training, "training")
    schedule = parse(ScheduleSettings, args.schedule, "schedule")
    checkpoint, catalogue = load_checkpoint(args.model), read_catalogue(args.catalogue)
    _check(checkpoint, args.model, catalogue.classes, args.epoch)
    data = EpochData(catalogue, args.labels, settings, args.seed, args.epoch, checkpoint.normalisation)
    loader = batches(data, settings, args.seed, args.epoch, args.workers)
    order = batch_order(data, settings, args.seed, args.epoch)
    if is_main_process():
        warn_of_other_instructions(instructions_of(args.model), str(args.model))
        warn_of_other_instructions(data.made_with, str(args.labels))
    model, (iterations, batch) = checkpoint.model, order.shape
    model.to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = make_optimizer(model, settings)
    if args.optimizer:
        _restore(optimizer, args.optimizer, checkpoint.epoch)
    with Progress(
        args.epoch, iterations, batch, args.tensorboard if is_main_process() else None, shown=is_main_process()
    ) as progress:
        read = read_batches(loader)
        try:
            train_epoch(model, optimizer, read, iterations, settings, schedule, args.seed, args.epoch, progress.step)
        except DivergedError as error:
            images = ", ".join(data.ids[index] for index in order[error.batch])
            raise BoxSupError(
                f"{error}; its images: {images}; the last good checkpoint is {args.model}; lower training.rate (or "
                "training.head_rate) and run again"
            ) from error
    if is_main_process():
        written = EpochFolder(args.out)
        write_csv(written.progress, progress.table())
        made = {"epoch": args.epoch, "instructions": instructions()}
        save(written.optimizer, {"momentum": _momentum(optimizer), **made})
        save_checkpoint(written.model, replace(checkpoint, epoch=args.epoch))


def _momentum(optimizer: torch.optim.SGD) -> list[torch.Tensor]:
    """The momentum buffer of each parameter, in the order of the groups."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return [optimizer.state[parameter]["momentum_buffer"].cpu().contiguous() for parameter in parameters]


def _check(checkpoint: Checkpoint, path: Path, classes: Sequence[str], epoch: int) -> None:
    """Raise a StoreError unless a checkpoint is of these classes and of the epoch before."""
    if checkpoint.classes != classes:
        raise StoreError(f"{path}: its classes are not those of the split; choose a split of its data set")
    if checkpoint.epoch != epoch - 1:
        raise StoreError(f"{path}: it is of epoch {checkpoint.epoch}; epoch {epoch} goes on from that of {epoch - 1}")


def _restore(optimizer: torch.optim.SGD, path: Path, epoch: int) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    content = load(path)
    buffers = content.get("momentum", [])
    if content.get("epoch", epoch) != epoch:
        raise StoreError(f"{path}: it is of epoch {content['epoch']}, and the checkpoint of {epoch}; name its own")
    if [tuple(buffer.shape) for buffer in buffers] != [tuple(parameter.shape) for parameter in parameters]:
        raise StoreError(f"{path}: its momentum buffers are those of another network")
    for parameter, buffer in zip(parameters, buffers, strict=True):
        # On the parameter's device and in its memory layout.
        optimizer.state[parameter]["momentum_buffer"] = torch.empty_like(parameter, requires_grad=False).copy_(buffer)


class Progress:
    """A bar with loss and images/s on a terminal, plain lines in a log, and TensorBoard's events if it is installed."""

    def __init__(self, epoch: int, iterations: int, batch: int, tensorboard: Path | None, shown: bool = True) -> None:
        """Follow an epoch of `iterations` batches of `batch` images."""
        self._steps: list[Step] = []
        self._iterations, self._batch, self._shown = iterations, batch, shown
        terminal = None if shown else io.StringIO()  # the others of several processes have none
        self._bar = tqdm(total=iterations, desc=f"epoch {epoch}", unit="batch", file=terminal, disable=None)
        self._every = -(-iterations // LINES)
        self._events = _events(tensorboard, (epoch - 1) * iterations) if tensorboard else None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.close()
        if self._events is not None:
            self._events.close()

    def step(self, step: Step) -> None:
        """Take note of an iteration."""
        self._steps.append(step)
        done = len(self._steps)
        recent = self._steps[-self._every :]
        text = f"loss {sum(s.loss for s in recent) / len(recent):.3f}, {done * self._batch / step.seconds:.1f} images/s"
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update()
        if self._shown and self._bar.disable and (done % self._every == 0 or done == self._iterations):
            print(f"epoch {step.epoch}: batch {done} of {self._iterations}, {text}", file=sys.stderr, flush=True)
        if self._events is not None:
            self._events.add_scalar("loss", step.loss, step.iteration)
            self._events.add_scalar("rate", step.rate, step.iteration)

    def table(self) -> pd.DataFrame:
        """One row an iteration; without seconds, so that equal runs give equal tables."""
        columns = ["epoch", "iteration", "loss", "rate"]
        return pd.DataFrame([{name: getattr(step, name) for name in columns} for step in self._steps])


def _events(folder: Path, iteration: int) -> torch.utils.tensorboard.SummaryWriter | None:
    """A writer of events that hides those of an earlier run from `iteration` on; None without the package."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=iteration)
