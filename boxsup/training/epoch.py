"""Stochastic gradient descent over one epoch (Eq. 1 of the paper, with the labels fixed)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from boxsup.errors import BoxSupError
from boxsup.image import VOID
from boxsup.machine.devices import device
from boxsup.network import Segmenter
from boxsup.random import torch_seed
from boxsup.settings import ScheduleSettings, TrainingSettings
from boxsup.training.parallel import all_reduce_sum, distribute_model, world_size
from boxsup.training.schedule import learning_rate


class DivergedError(BoxSupError):
    """The loss, or a weight, is no longer finite.

    Attributes:
        batch: Number of the batch within its epoch, from 0, at which it was seen.
    """

    def __init__(self, message: str, batch: int) -> None:
        """Say what is not finite and where."""
        super().__init__(message)
        self.batch = batch


@dataclass(frozen=True)
class Step:
    """One iteration.

    Attributes:
        epoch: From 1.
        iteration: From 0, counted over all epochs.
        loss: Mean cross-entropy of the labelled pixels of the batch, all processes' parts of it, nats.
        rate: Learning rate of the body.
        seconds: Since the epoch began.
    """

    epoch: int
    iteration: int
    loss: float
    rate: float
    seconds: float


def make_optimizer(model: Segmenter, settings: TrainingSettings) -> torch.optim.SGD:
    """SGD with momentum over the body and, at `head_rate` times its rate, the new layers."""
    body, head = model.parameter_groups()
    groups = [{"params": body, "factor": 1.0}, {"params": head, "factor": settings.head_rate}]
    return torch.optim.SGD(groups, lr=settings.rate, momentum=settings.momentum, weight_decay=settings.weight_decay)


def train_epoch(
    model: Segmenter,
    optimizer: torch.optim.SGD,
    data: Iterable[tuple[Tensor, Tensor]],
    iterations: int,
    settings: TrainingSettings,
    schedule: ScheduleSettings,
    seed: int,
    epoch: int,
    on_step: Callable[[Step], None],
) -> None:
    """Train a network in place over one epoch.

    On the CPU the result is the same to the last bit for the same arguments and the same number of processes.

    Args:
        model: The network after the epoch before.
        optimizer: Its momentum buffers likewise.
        data: Batches of B×3×S×S float32 images and B×S×S uint8 labels; in one of several processes, its part of each
            (`boxsup.training.parallel`).
        iterations: How many batches an epoch has.
        settings: See `config.yaml`, `defaults.training`.
        schedule: See `config.yaml`, `defaults.schedule`.
        seed: Of the experiment.
        epoch: Number of the epoch, from 1.
        on_step: Called after every iteration.

    Raises:
        DivergedError: The loss is no longer finite, or a weight after the last iteration.
    """
    torch.set_num_threads(settings.threads)
    torch.manual_seed(torch_seed(seed, "epoch", epoch))  # dropout draws from torch's own generator
    where = device()
    mixed = settings.mixed_precision and where.type == "cuda"
    model.to(where, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    network = distribute_model(model, settings.batch)
    scaler = torch.amp.GradScaler(where.type, enabled=mixed)
    start = time.perf_counter()
    for batch, (images, labels) in enumerate(data):
        iteration = (epoch - 1) * iterations + batch
        rate = learning_rate(iteration, iterations, settings.rate, schedule)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        images = images.to(where, memory_format=torch.channels_last, non_blocking=True)
        with torch.autocast(where.type, enabled=mixed):
            loss = pixel_loss(network(images), labels.to(where, non_blocking=True).long())
        value = float(all_reduce_sum(loss))
        if not math.isfinite(value):
            raise DivergedError(
                f"epoch {epoch}, iteration {iteration}: the loss is {value} at a rate of {rate:g}", batch
            )
        optimizer.zero_grad()
        # Gradients are averaged over processes, and the loss is the sum of theirs.
        scaler.scale(loss * world_size()).backward()  # type: ignore[no-untyped-call]
        scaler.step(optimizer)
        scaler.update()
        on_step(Step(epoch, iteration, value, rate, time.perf_counter() - start))
    # The last step can spoil the weights too, and no loss follows it that would tell.
    if not all(bool(torch.isfinite(weights).all()) for weights in model.state_dict().values()):
        last = epoch * iterations - 1
        raise DivergedError(f"epoch {epoch}, iteration {last}: weights are no longer finite", iterations - 1)


def pixel_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over the labelled pixels (Eq. 1).

    Args:
        logits: B×C×h×w at the network's stride; enlarged bilinearly to the labels' size.
        labels: B×H×W int64; 255 is void and does not count.

    Returns:
        A scalar; 0 where no pixel is labelled. In one of several processes, the share of its images in the mean over
        the whole batch.
    """
    # A pixel's scores side by side, through to the loss: a third less time on the CPU than over planes of a class each.
    side_by_side = logits.float().contiguous(memory_format=torch.channels_last)
    enlarged = functional.interpolate(side_by_side, labels.shape[1:], mode="bilinear", align_corners=False)
    scores = enlarged.permute(0, 2, 3, 1).flatten(0, 2)
    total = functional.cross_entropy(scores, labels.flatten(), ignore_index=VOID, reduction="sum")
    return total / all_reduce_sum((labels != VOID).sum()).clamp(min=1)
