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
            if type(layer) in (nn.BatchNorm2d, nn.Dropout):
                setattr(parent, name, _whole_batch(layer, batch))
    device = next(model.parameters()).device
    return DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)


def _whole_batch(layer: nn.Module, batch: int) -> nn.Module:
    if isinstance(layer, nn.Dropout):
        return WholeBatchDropout(layer.p, batch).train(layer.training)
    assert isinstance(layer, nn.BatchNorm2d)
    norm = WholeBatchNorm(layer.num_features, layer.eps, layer.momentum)
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
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise B×C×H×W, where B is this process's part of the batch."""
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

    def __init__(self, p: float, batch: int) -> None:
        """Drop each value with probability `p`; `batch` is the size of the whole batch."""
        super().__init__()
        self.p, self.batch = p, batch

    def forward(self, input: Tensor) -> Tensor:
        """Drop values of B×…, where B is this process's part of the batch."""
        if not self.training:
            return input
        shape = (self.batch, *input.shape[1:])
        kept = torch.empty(shape, dtype=input.dtype, device=input.device)
        if input.is_contiguous(memory_format=torch.channels_last):
            kept = kept.contiguous(memory_format=torch.channels_last)
        kept.bernoulli_(1 - self.p)
        return input * kept[rank_slice(self.batch)].div_(1 - self.p)
