"""Tries a network on an empty image, to learn how it would train; the network stays as it is, and nothing is drawn.

In evaluation mode each layer computes from the same inputs as in training, but draws nothing and records nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def unused_parameters(network: nn.Module, height: int, width: int) -> list[str]:
    """The names of the parameters that the scores do not depend on, and that get no gradients in training.

    Args:
        network: N×3×H×W -> N×C×h×w logits.
        height: H of the image to try, px.
        width: W of it, px.
    """
    trained = {name: value for name, value in network.named_parameters() if value.requires_grad}
    with _evaluating(network), torch.enable_grad():
        scores = network(_empty_image(network, height, width))
        gradients = torch.autograd.grad(scores.sum(), list(trained.values()), allow_unused=True)
    return [name for name, gradient in zip(trained, gradients, strict=True) if gradient is None]


def norms_of_one_value(network: nn.Module, height: int, width: int) -> list[str]:
    """The names of the batch norms that get one value per channel of a single image, of which torch learns nothing.

    Args:
        network: N×3×H×W -> N×C×h×w logits.
        height: H of the image, px.
        width: W of it, px.
    """
    found: list[str] = []
    norms = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, _BatchNorm)]
    hooks = [layer.register_forward_pre_hook(_noting(name, found)) for name, layer in norms]
    try:
        with _evaluating(network), torch.no_grad():
            network(_empty_image(network, height, width))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _noting(name: str, found: list[str]) -> Callable[[nn.Module, Any], None]:
    """A hook that adds a layer's name if its input has one value per channel."""

    def note(_: nn.Module, inputs: Any) -> None:  # noqa: ANN401 - the arguments of a layer
        if inputs[0].numel() == inputs[0].shape[1]:
            found.append(name)

    return note


def _empty_image(network: nn.Module, height: int, width: int) -> Tensor:
    like = next(network.parameters())
    return torch.zeros(1, 3, height, width, dtype=like.dtype, device=like.device)


@contextlib.contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Set evaluation mode, and then for each layer the mode that it had."""
    modes = [(layer, layer.training) for layer in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for layer, training in modes:
            layer.training = training
