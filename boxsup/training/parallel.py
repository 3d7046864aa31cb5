"""One epoch in several processes, with one GPU each, that train as one process would.

Each process has its part of every batch. DistributedDataParallel combines the gradients. The loss is over the labelled
pixels of the whole batch, batch normalisation sees the whole batch, and dropout draws for the whole batch. So the
result is that of one process, up to the order in which floats are summed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from boxsup.network import Segmenter

OF_TIMM = ("BatchNormAct2d", "DropPath")  # layers of timm, which is not imported for them


def world_size() -> int:
    """How many processes train together; 1 without torch's process group."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_main_process() -> bool:
    """Whether this process is the one that prints and writes for all."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def rank_slice(batch: int) -> slice:
    """The images of a batch that this process has; parts follow one another, and their sizes differ by at most one.

    Args:
        batch: Size of the whole batch.

    >>> rank_slice(8)
    slice(0, 8, None)
    """
    rank = distributed.get_rank() if distributed.is_initialized() else 0
    return slice(rank * batch // world_size(), (rank + 1) * batch // world_size())


def all_reduce_sum(value: Tensor) -> Tensor:
    """The sum of a value over all processes, without a gradient."""
    total = value.detach().clone()
    if distributed.is_initialized():
        distributed.all_reduce(total)
    return total


def distribute_model(model: Segmenter, batch: int) -> nn.Module:
    """Let a network train in several processes as it would in one process with the whole batch.

    Args:
        model: The network. Its layers are replaced in place; the names of its weights stay.
        batch: Size of the whole batch.

    Returns:
        The network to train: `model` itself in one process, or `model` in DistributedDataParallel.
    """
    if not distributed.is_initialized():
        return model
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if type(layer) in (nn.BatchNorm2d, nn.Dropout, nn.Dropout2d) or type(layer).__name__ in OF_TIMM:
                setattr(parent, name, whole_batch(layer, batch))
    device = next(model.parameters()).device
    # It waits for the gradients of all parameters, unless it looks in each step for those that get none.
    return DistributedDataParallel(
        model,
        device_ids=[device.index] if device.type == "cuda" else None,
        find_unused_parameters=bool(model.unused_parameters()),
    )


def whole_batch(layer: nn.Module, batch: int) -> nn.Module:
    """The layer that does to a process's part of a batch of `batch` images what a layer does to the whole batch."""
    if isinstance(layer, nn.Dropout | nn.Dropout2d):
        return WholeBatchDropout(layer.p, batch, 2 if isinstance(layer, nn.Dropout2d) else None).train(layer.training)
    if not isinstance(layer, nn.BatchNorm2d):
        return WholeBatchDropout(float(layer.drop_prob or 0), batch, 1).train(layer.training)  # type: ignore[arg-type]
    norm = WholeBatchNorm(layer.num_features, layer.eps, layer.momentum)
    if hasattr(layer, "act"):
        norm.drop, norm.act = layer.get_submodule("drop"), layer.get_submodule("act")
    norm.weight, norm.bias = layer.weight, layer.bias  # the same objects, since the optimizer holds them
    norm.running_mean, norm.running_var = layer.running_mean, layer.running_var
    norm.num_batches_tracked = layer.num_batches_tracked
    return norm.train(layer.training)


class _Sum(torch.autograd.Function):
    """`all_reduce_sum` with its gradient: the value of each process counts in the losses of all."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:  # noqa: ANN401 - torch has no type for it
        return all_reduce_sum(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        return all_reduce_sum(gradient)


class WholeBatchNorm(nn.BatchNorm2d):
    """Batch normalisation by mean and variance over the images of all processes, on GPUs and CPUs.

    Torch's SyncBatchNorm runs on GPUs only.

    Attributes:
        drop: What follows: timm's layers have dropout and an activation of their own.
        act: What follows after that.
    """

    def __init__(self, channels: int, eps: float, momentum: float | None) -> None:
        """Normalise `channels` channels; see `nn.BatchNorm2d`."""
        super().__init__(channels, eps, momentum)
        self.drop: nn.Module = nn.Identity()
        self.act: nn.Module = nn.Identity()

    def forward(self, input: Tensor) -> Tensor:
        """Normalise B×C×H×W, where B is this process's part of the batch."""
        result: Tensor = self.act(self.drop(self._normal(input)))
        return result

    def _normal(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        values = input.to(torch.promote_types(input.dtype, torch.float32))
        pixels = all_reduce_sum(values.new_tensor(values.numel() // values.shape[1]))
        mean = _Sum.apply(values.sum((0, 2, 3))) / pixels
        centred = values - mean[:, None, None]
        variance = _Sum.apply(centred.square().sum((0, 2, 3))) / pixels
        self._follow(mean.detach(), variance.detach() * pixels / (pixels - 1).clamp(min=1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normal: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        return normal.to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Update the running mean and the running variance, which is the unbiased one."""
        assert self.momentum is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked.add_(1)


class WholeBatchDropout(nn.Module):
    """Dropout whose draws are those of one process: each process draws for the whole batch, and uses its part."""

    def __init__(self, p: float, batch: int, axes: int | None = None) -> None:
        """Drop with probability `p`.

        Args:
            p: The probability, below 1.
            batch: Size of the whole batch.
            axes: What is dropped as one: None for each value; 2 for a channel of an image, as `nn.Dropout2d` does; 1
                for an image, as timm's DropPath does.
        """
        super().__init__()
        self.p, self.batch, self.axes = p, batch, axes

    def forward(self, input: Tensor) -> Tensor:
        """Drop values of B×…, where B is this process's part of the batch."""
        if not self.training or not self.p:
            return input
        axes = input.dim() if self.axes is None else self.axes
        shape = (self.batch, *input.shape[1:axes], *[1] * (input.dim() - axes))
        kept = torch.empty(shape, dtype=input.dtype, device=input.device)
        if input.is_contiguous(memory_format=torch.channels_last):
            kept = kept.contiguous(memory_format=torch.channels_last)
        kept.bernoulli_(1 - self.p)
        return input * kept[rank_slice(self.batch)].div_(1 - self.p)
