"""Draws the first weights of layers, unless a checkpoint's weights will take their place.

A network that is made for a checkpoint is on torch's "meta" device, where weights have no values. Drawing them there
would draw nothing, yet import torch's compiler, which takes two seconds.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn


def draw_normal(weight: Tensor, std: float) -> None:
    """Draw a layer's weights from a normal distribution around 0."""
    if not weight.is_meta:
        nn.init.normal_(weight, std=std)


def draw_kaiming(weight: Tensor, mode: Literal["fan_in", "fan_out"] = "fan_in", nonlinearity: str = "relu") -> None:
    """Draw a layer's weights so that signals keep their size (He et al., ICCV 2015); see `nn.init.kaiming_normal_`."""
    if not weight.is_meta:
        nn.init.kaiming_normal_(weight, mode=mode, nonlinearity=nonlinearity)  # type: ignore[arg-type] # one of its own
