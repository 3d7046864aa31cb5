"""One epoch in several processes, a GPU each: what they share so that they train as one process would.

Each has its part of every batch. DistributedDataParallel adds up the gradients; the loss is over the labelled pixels of
all, batch normalisation sees the whole batch, and dropout draws for the whole batch. So the result is that of one
process but for the order in which floats are summed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from boxsup.network import Segmenter


def world_size() -> int:
    """How many train together: 1, unless torch's process group has been made."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_main_process() -> bool:
    """Whether this process is the one that speaks and writes for all."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def rank_slice(batch: int) -> slice:
    """Which images of a batch of `batch` this process has: parts follow one another and differ by one at most."""
    rank = distributed.get_rank() if distributed.is_initialized() else 0
    return slice(rank * batch // world_size(), (rank + 1) * batch // world_size())


def all_reduce_sum(value: Tensor) -> Tensor:
    """A value without its gradient, added up over all processes."""
    total = value.detach().clone()
    if distributed.is_initialized():
        distributed.all_reduce(total)
    return total


def distribute_model(model: Segmenter, batch: int) -> nn.Module:
    """A network whose gradients, batch normalisation and dropout are those of one process with the whole batch.

    The network itself is changed, and stays one whose weights have the same names.
    """
    if not distributed.is_initialized():
        return model
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if type(layer) in (nn.BatchNorm2d, nn.Dropout):
                setattr(parent, name, _whole_batch(layer, batch))
    where = next(model.parameters()).device
    return DistributedDataParallel(model, device_ids=[where.index] if where.type == "cuda" else None)


def _whole_batch(layer: nn.Module, batch: int) -> nn.Module:
    if isinstance(layer, nn.Dropout):
        return WholeBatchDropout(layer.p, batch).train(layer.training)
    assert isinstance(layer, nn.BatchNorm2d)
    norm = WholeBatchNorm(layer.num_features, layer.eps, layer.momentum)
    norm.weight, norm.bias = layer.weight, layer.bias  # the very parameters that the optimiser knows
    norm.running_mean, norm.running_var = layer.running_mean, layer.running_var
    norm.num_batches_tracked = layer.num_batches_tracked
    return norm.train(layer.training)


class _Sum(torch.autograd.Function):
    """`all_reduce_sum` with its gradient: what each process adds counts in the losses of all."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:  # noqa: ANN401 - torch's
        return all_reduce_sum(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        return all_reduce_sum(gradient)


class WholeBatchNorm(nn.BatchNorm2d):
    """Batch normalisation by mean and variance over all processes' images; torch's own does so on GPUs only."""

    def forward(self, input: Tensor) -> Tensor:
        """B×C×H×W, B of this process."""
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
        """Move the running statistics, of which the variance is the unbiased one."""
        assert self.momentum is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked.add_(1)


class WholeBatchDropout(nn.Module):
    """Dropout that draws for the images of all processes, on each alike, and takes the part of this one."""

    def __init__(self, p: float, batch: int) -> None:
        """Drop each value with probability `p`; `batch` is the number of images of all processes together."""
        super().__init__()
        self.p, self.batch = p, batch

    def forward(self, input: Tensor) -> Tensor:
        """B×…, B of this process."""
        if not self.training:
            return input
        shape = (self.batch, *input.shape[1:])
        kept = torch.empty(shape, dtype=input.dtype, device=input.device)
        if input.is_contiguous(memory_format=torch.channels_last):
            kept = kept.contiguous(memory_format=torch.channels_last)
        kept.bernoulli_(1 - self.p)
        return input * kept[rank_slice(self.batch)].div_(1 - self.p)
