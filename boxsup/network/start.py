"""Start a network from another's weights, all but some layers: what it has learned then serves other classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from boxsup.errors import ConfigError


def copy_weights(model: nn.Module, weights: Mapping[str, Tensor], drop: Sequence[str]) -> None:
    """Give a network another's weights; dropped layers keep their own start.

    Args:
        model: The network, with fresh weights; changed in place.
        weights: State of a network of the same kind, maybe for other classes.
        drop: Layers that start anew, by their names in the state: `score` is `score.weight` and `score.bias`.

    Raises:
        ConfigError: A dropped layer is not there, or one that is kept differs in size. Nothing is changed then.
    """
    own = model.state_dict()
    for layer in drop:
        if not _weights_of(layer, own):
            layers = ", ".join(dict.fromkeys(name.rpartition(".")[0] for name in reversed(own)))
            raise ConfigError(f"init_from.drop: '{layer}' is no layer; the network has, last first: {layers}")
    dropped = {name for layer in drop for name in _weights_of(layer, own)}
    for name in (name for name in own if name not in dropped):
        if name not in weights:
            raise ConfigError(f"init_from: the checkpoint has no {name}; it is of another network")
        if weights[name].shape != own[name].shape:
            there, here = ("×".join(map(str, state[name].shape)) for state in (weights, own))
            layer = name.rpartition(".")[0]
            raise ConfigError(f"init_from.drop: {name} is {there} in the checkpoint, {here} here; drop {layer} too")
    model.load_state_dict({name: own[name] if name in dropped else weights[name] for name in own})


def _weights_of(layer: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name == layer or name.startswith(f"{layer}.")]
