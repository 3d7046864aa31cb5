"""Starts a network from the weights of another one, for instance one that was trained for other classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from boxsup.errors import ConfigError


def copy_weights(model: nn.Module, weights: Mapping[str, Tensor], drop: Sequence[str]) -> None:
    """Copy the weights of another network into a network, except for some layers.

    Args:
        model: The network, with fresh weights; changed in place.
        weights: The state of a network of the same kind, maybe for other classes.
        drop: Names of the layers that keep their fresh weights; `score` means `score.weight` and `score.bias`.

    Raises:
        ConfigError: A dropped layer does not exist, or another layer differs in size. Nothing is changed then.
    """
    state = model.state_dict()
    for layer in drop:
        if not _weights_of(layer, state):
            layers = ", ".join(dict.fromkeys(name.rpartition(".")[0] for name in reversed(state)))
            raise ConfigError(f"init_from.drop: '{layer}' is no layer; the network has, last first: {layers}")
    dropped = {name for layer in drop for name in _weights_of(layer, state)}
    for name in (name for name in state if name not in dropped):
        if name not in weights:
            raise ConfigError(f"init_from: the checkpoint has no {name}; it is of another network")
        if weights[name].shape != state[name].shape:
            theirs, ours = ("×".join(map(str, values[name].shape)) for values in (weights, state))
            layer = name.rpartition(".")[0]
            raise ConfigError(f"init_from.drop: {name} is {theirs} in the checkpoint, {ours} here; drop {layer} too")
    model.load_state_dict({name: state[name] if name in dropped else weights[name] for name in state})


def _weights_of(layer: str, names: Iterable[str]) -> list[str]:
    """The names that belong to a layer.

    >>> _weights_of("score", ["score.weight", "score.bias", "scores.weight"])
    ['score.weight', 'score.bias']
    """
    return [name for name in names if name == layer or name.startswith(f"{layer}.")]
