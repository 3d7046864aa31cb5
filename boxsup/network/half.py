"""Weights in 16-bit floats, in which small networks are stored."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


def halved(values: Tensor) -> Tensor:
    """Floats in 16 bits; other values stay as they are."""
    return values.half() if values.is_floating_point() else values


def halved_state(network: nn.Module) -> dict[str, Tensor]:
    """The state of a network to store, on the CPU: its floats in 16 bits, each tensor contiguous."""
    return {name: halved(value.detach().cpu()).contiguous() for name, value in network.state_dict().items()}


def whole_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The stored state of a network with its floats in 32 bits."""
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
