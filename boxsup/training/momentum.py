"""The optimizer's momentum buffers, kept between epochs in a file beside the checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from boxsup.errors import StoreError
from boxsup.machine.instructions import instructions
from boxsup.network.checkpoint import load, save
from boxsup.training.sgd import SGD


def save_momentum(path: Path, optimizer: SGD, epoch: int) -> None:
    """Write the momentum buffer of each parameter after an epoch, in the order of the optimizer's groups.

    That of a parameter that had no gradient yet is 0.
    """
    buffers = [
        optimizer.state[weight].get("momentum_buffer", torch.zeros_like(weight)).detach().cpu().contiguous()
        for weight in _parameters(optimizer)
    ]
    save(path, {"momentum": buffers, "epoch": epoch, "instructions": instructions()})


def load_momentum(path: Path, optimizer: SGD, epoch: int) -> None:
    """Give an optimizer the momentum buffers of a file.

    Args:
        path: The file.
        optimizer: Changed in place.
        epoch: The epoch of the checkpoint that is trained on.

    Raises:
        StoreError: The buffers are of another epoch or another network.
    """
    content = load(path)
    buffers, parameters = content.get("momentum", []), _parameters(optimizer)
    if content.get("epoch", epoch) != epoch:
        raise StoreError(f"{path}: it is of epoch {content['epoch']}, and the checkpoint of {epoch}; name its own")
    if [tuple(buffer.shape) for buffer in buffers] != [tuple(parameter.shape) for parameter in parameters]:
        raise StoreError(f"{path}: its momentum buffers are those of another network")
    for parameter, buffer in zip(parameters, buffers, strict=True):
        # On the parameter's device and in its memory layout.
        optimizer.state[parameter]["momentum_buffer"] = torch.empty_like(parameter, requires_grad=False).copy_(buffer)


def _parameters(optimizer: SGD) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
