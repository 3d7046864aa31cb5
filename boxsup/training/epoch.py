"""Stochastic gradient descent over one epoch (Eq. 1 of the paper, with the labels fixed)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from boxsup.config.training import ScheduleSettings, TrainingSettings
from boxsup.errors import BoxSupError
from boxsup.image import VOID
from boxsup.machine.devices import device
from boxsup.network import Segmenter
from boxsup.network.grid import Grid, enlarge_pixel_by_pixel
from boxsup.random import torch_seed
from boxsup.training.parallel import all_reduce_sum, distribute_model, world_size
from boxsup.training.schedule import learning_rate
from boxsup.training.sgd import SGD

LEAST_SCALE = 1.0  # of a loss in float16: gradients that leave its range even so are not finite


class DivergedError(BoxSupError):
    """The loss, a gradient or a weight is no longer finite.

    Attributes:
        batch: Number of the batch within its epoch, from 0.
    """

    def __init__(self, message: str, batch: int) -> None:
        """Say what is not finite, and after which batch."""
        super().__init__(message)
        self.batch = batch


@dataclass(frozen=True)
class Step:
    """One iteration of training.

    Attributes:
        epoch: Number of the epoch, from 1.
        iteration: Number of the iteration, from 0, counted over all epochs.
        loss: Mean cross-entropy over the labelled pixels of the whole batch, in nats.
        rate: Learning rate of the body.
        seconds: Time since the epoch began.
    """

    epoch: int
    iteration: int
    loss: float
    rate: float
    seconds: float


def make_optimizer(model: Segmenter, settings: TrainingSettings) -> SGD:
    """SGD with momentum; the new layers have `settings.head_rate` times the learning rate of the body."""
    body, head = model.parameter_groups()
    groups = [{"params": body, "factor": 1.0}, {"params": head, "factor": settings.head_rate}]
    return SGD(groups, lr=settings.rate, momentum=settings.momentum, weight_decay=settings.weight_decay)


def train_epoch(
    model: Segmenter,
    optimizer: SGD,
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
        model: The network as the previous epoch left it.
        optimizer: The optimizer, with the momentum that the previous epoch left.
        data: Batches of B×3×S×S float32 images and B×S×S uint8 labels; one of several processes has its part of each
            batch (`boxsup.training.parallel`).
        iterations: Number of batches per epoch.
        settings: See `config.yaml`, `defaults.training`.
        schedule: See `config.yaml`, `defaults.schedule`.
        seed: Seed of the experiment.
        epoch: Number of the epoch, from 1.
        on_step: Called after every iteration.

    Raises:
        DivergedError: The loss or a gradient is not finite, or a weight is not finite after the last iteration.
    """
    torch.set_num_threads(settings.threads)
    torch.manual_seed(torch_seed(seed, "epoch", epoch))  # dropout draws from torch's own generator
    target = device()
    half = half_type(target) if settings.mixed_precision else None
    model.to(target, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    network = distribute_model(model, settings.batch)
    scaler = torch.amp.GradScaler(target.type, enabled=half == torch.float16)
    start = time.perf_counter()
    for batch, (images, labels) in enumerate(data):
        iteration = (epoch - 1) * iterations + batch
        rate = learning_rate(iteration, iterations, settings.rate, schedule)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        images = images.to(target, memory_format=torch.channels_last, non_blocking=True)
        labels = labels.to(target, non_blocking=True).long()
        stepped = False
        while not stepped:
            with torch.autocast(target.type, half, enabled=half is not None):
                loss = pixel_loss(network(images), labels, model.grid)
            value = float(all_reduce_sum(loss))
            if not math.isfinite(value) or scaler.get_scale() < LEAST_SCALE:
                wrong = f"loss is {value}" if not math.isfinite(value) else "gradients are not finite"
                raise DivergedError(f"epoch {epoch}, iteration {iteration}: the {wrong} at a rate of {rate:g}", batch)
            optimizer.zero_grad()
            # DistributedDataParallel averages gradients over processes, but the loss is the sum of their losses.
            stepped = take_step(scaler, optimizer, loss * world_size())
        on_step(Step(epoch, iteration, value, rate, time.perf_counter() - start))
    # The last step can spoil the weights too, and no loss after it would show that.
    if not all(bool(torch.isfinite(weights).all()) for weights in model.state_dict().values()):
        last = epoch * iterations - 1
        raise DivergedError(f"epoch {epoch}, iteration {last}: weights are no longer finite", iterations - 1)


def half_type(target: torch.device) -> torch.dtype | None:
    """The 16-bit type in which a device computes; None for the CPU, which computes in 32 bits.

    bfloat16 has the range of 32 bits. Older GPUs have float16 alone, whose range the scaled loss must fit.
    """
    if target.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def take_step(scaler: torch.amp.GradScaler, optimizer: SGD, loss: Tensor) -> bool:
    """Take a step of an optimizer, unless a gradient leaves the range of float16.

    Returns:
        Whether the step was taken. If not, the scale of the loss is lower now: do the batch again. A step that was left
        out would be one less than the schedule plans; on a small data set, all of an epoch.
    """
    scale = scaler.get_scale()
    scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    scaler.step(optimizer)  # type: ignore[arg-type] # an optimizer in all that it needs
    scaler.update()
    return scaler.get_scale() >= scale


def pixel_loss(logits: Tensor, labels: Tensor, grid: Grid) -> Tensor:
    """Mean cross-entropy over the labelled pixels (Eq. 1).

    Args:
        logits: B×C×h×w; they are enlarged bilinearly to the labels' size, in 32 bits.
        labels: B×H×W int64; 255 is void and does not count.
        grid: Where the logits lie on the labels.

    Returns:
        A scalar; 0 if no pixel is labelled. In one of several processes, the part of its images in the mean over the
        whole batch.

    >>> pixel_loss(torch.zeros(1, 2, 1, 1), torch.tensor([[[1, 255]]]), Grid(16))
    tensor(0.6931)
    """
    with torch.autocast(logits.device.type, enabled=False):
        scores = enlarge_pixel_by_pixel(logits.float(), labels.shape[1:], grid).flatten(0, 2)
    total = functional.cross_entropy(scores, labels.flatten(), ignore_index=VOID, reduction="sum")
    return total / all_reduce_sum((labels != VOID).sum()).clamp(min=1)
