"""Weights in 16-bit floats, in which small networks are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from boxsup.errors import StoreError
from boxsup.network.checkpoint import load, save
from boxsup.network.packing import unpacked

N = TypeVar("N", bound=nn.Module)


class Kind(NamedTuple):
    """A kind of networks that are stored.

    Attributes:
        format: What a file of this version says that it is.
        name: What one is called in an error, with its article.
        advice: What to do about a file of another version.
    """

    format: str
    name: str
    advice: str


def halved(values: Tensor) -> Tensor:
    """Floats in 16 bits; other values stay as they are."""
    return values.half() if values.is_floating_point() else values


def save_halved(path: Path, kind: Kind, network: nn.Module, origin: dict[str, Any]) -> None:
    """Write a network in 16-bit floats; equal networks give equal bytes.

    Args:
        path: The file to write.
        kind: What the network is.
        network: The network.
        origin: How the network was made; plain values only.
    """
    save(path, {"format": kind.format, "made": origin, "state": _halved_state(network)})


def load_halved(path: Path, kind: Kind, form: Callable[[], N]) -> tuple[N, dict[str, Any]]:
    """Read a file of `save_halved`.

    Args:
        path: The file.
        kind: What the network is.
        form: Makes a network of this form, in the mode of its use, whose weights are replaced.

    Returns:
        The network ready for use, in 32-bit floats, channels last; and how it was made.

    Raises:
        StoreError: The file is missing, damaged or of another network.
    """
    content = load(path)
    if content.get("format") != kind.format:
        raise StoreError(f"{path}: not {kind.name} of this version; {kind.advice}")
    with torch.device("meta"):  # no memory and no random start for weights that are replaced at once
        network = form()
    try:
        network.load_state_dict(_whole_state(content), assign=True)
    except (KeyError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise StoreError(f"{path}: its weights are another network's; {kind.advice}") from error
    return network.to(memory_format=torch.channels_last), content.get("made", {})


def _halved_state(network: nn.Module) -> dict[str, Tensor]:
    """The state of a network to store, on the CPU: its floats in 16 bits, each tensor contiguous."""
    return {name: halved(value.detach().cpu()).contiguous() for name, value in network.state_dict().items()}


def _whole_state(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state in a stored network, plain or packed, with its floats in 32 bits.

    Raises:
        KeyError, AttributeError, TypeError, ValueError: There is none.
    """
    state = unpacked(content["packed"]) if "packed" in content else content["state"]
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
