"""Reads configuration files for commands outside the workflow, without checking their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from boxsup.errors import ConfigError

Block = dict[str, Any]

# In a clone a link to that of the project. The workflow's other files are linked in the same way: wheels have them.
PROJECT = Path(__file__).parents[1] / "config.yaml"


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Block:
    """Lay `over` over `base`: mappings are merged key by key, other values are replaced.

    >>> merge({"crf": {"a": 1, "b": 2}}, {"crf": {"b": 3}})
    {'crf': {'a': 1, 'b': 3}}
    """
    merged = deepcopy(dict(base))
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else deepcopy(value)
    return merged


def project_config(over: Path | None = None) -> Block:
    """The content of `config.yaml`.

    Args:
        over: A file with some of its keys, which is laid over it.

    Raises:
        ConfigError: `over` is missing, or is not YAML of keys and values.
    """
    config: Block = yaml.safe_load(PROJECT.read_text(encoding="utf-8"))
    return config if over is None else merge(config, read_keys(over))


def base_config(named: bool) -> list[Path]:
    """The files that the workflow's configuration starts from, each laid over the one before.

    A `config.yaml` of the current folder that is whole (`is_whole`) takes the place of the project's own. Any other is
    laid over the project's, unless the user names another one: then it may belong to somebody else's program.

    Args:
        named: Whether the user names configurations (`--configfile`).
    """
    own = Path("config.yaml")
    if not own.exists():
        return [PROJECT]
    try:
        content = yaml.safe_load(own.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return [PROJECT] if named else [own]  # Snakemake says what is wrong with it
    if is_whole(content):
        return [own]
    return [PROJECT] if named or content is None else [PROJECT, own]


def is_whole(content: Any) -> bool:  # noqa: ANN401 - YAML
    """Whether the content of a file is a whole configuration: it has `defaults`, which are keys and values.

    The `defaults` of Hydra's `config.yaml` are a list.

    >>> is_whole({"defaults": {"epochs": 3}}), is_whole({"defaults": ["model"]}), is_whole(None)
    (True, False, False)
    """
    return isinstance(content, Mapping) and isinstance(content.get("defaults"), Mapping)


def from_folder(bases: Sequence[Path]) -> str:
    """What ends a message about a configuration that starts from these files: the folder's own, which nobody named.

    Args:
        bases: The result of `base_config`. In a clone the folder's own is the project's, and goes without saying.
    """
    own = [str(base.absolute()) for base in bases if base.resolve() != PROJECT.resolve()]
    return f"; it starts from {own[0]}, which is in the folder that this runs in" if own else ""


def completed(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A configuration laid over the project's, unless it is whole, as that of another workflow need not be."""
    return config if is_whole(config) else merge(project_config(), config)


def read_keys(path: Path) -> Block:
    """Read a file with some of config.yaml's keys; raises a ConfigError unless it is YAML of keys and values."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: not a readable configuration ({reason})") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected keys and values as in config.yaml")
    return content


def keys_of(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - YAML
    """The keys and values of a part of a configuration that was not checked yet; none if it has another form."""
    return value if isinstance(value, dict) else {}


def block(config: Mapping[str, Any], *keys: str) -> Block:
    """A block of a configuration that was not checked yet.

    >>> block({"defaults": {"update": {"k": 1}}}, "defaults", "update")
    {'k': 1}

    Args:
        config: The configuration.
        *keys: The keys that lead to the block, from the outermost to the innermost.

    Raises:
        ConfigError: A key is missing, or its value is not keys and values.
    """
    values: Any = config
    for depth, key in enumerate(keys, start=1):
        values = values.get(key)
        if not isinstance(values, Mapping):
            raise ConfigError(f"config: {'.'.join(keys[:depth])}: expected keys and values, got {values!r}")
    return dict(values)
