"""Weights in 16-bit floats, in which small networks are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from boxsup.network.packing import unpacked


def halved(values: Tensor) -> Tensor:
    """Floats in 16 bits; other values stay as they are."""
    return values.half() if values.is_floating_point() else values


def halved_state(network: nn.Module) -> dict[str, Tensor]:
    """The state of a network to store, on the CPU: its floats in 16 bits, each tensor contiguous."""
    return {name: halved(value.detach().cpu()).contiguous() for name, value in network.state_dict().items()}


def whole_state(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state in a stored network, plain or packed, with its floats in 32 bits.

    Raises:
        KeyError, AttributeError, TypeError, ValueError: There is none.
    """
    state = unpacked(content["packed"]) if "packed" in content else content["state"]
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
