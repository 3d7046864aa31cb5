"""Folds batch norms into convolutions, for networks that no longer train: a third less work for a small network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

N = TypeVar("N", bound=nn.Module)


def folded(network: N) -> N:
    """Prepare a network for use, in place: evaluation mode, each batch norm folded into the convolution before it."""
    network.eval()
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _fold(module, cast(Callable[[nn.Conv2d, nn.BatchNorm2d], nn.Conv2d], fuse_conv_bn_eval))
    return network


def folded_form(network: N) -> N:
    """Give a network the form of a folded one, in place, for weights that are loaded at once.

    Nothing is computed: on torch's device `meta`, arithmetic would import torch's compiler, which takes a second.
    """
    network.eval()
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _fold(module, _with_bias)
    return network


def _with_bias(convolution: nn.Conv2d, _: nn.BatchNorm2d) -> nn.Conv2d:
    convolution.bias = nn.Parameter(torch.empty(convolution.out_channels, device=convolution.weight.device))
    return convolution


def _fold(layers: nn.Sequential, fuse: Callable[[nn.Conv2d, nn.BatchNorm2d], nn.Conv2d]) -> None:
    for index in range(len(layers) - 1):
        convolution, norm = layers[index], layers[index + 1]
        # No subclass: timm's batch norms have an activation in them.
        if isinstance(convolution, nn.Conv2d) and type(norm) is nn.BatchNorm2d:
            layers[index], layers[index + 1] = fuse(convolution, norm), nn.Identity()
