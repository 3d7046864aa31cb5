"""Reads configuration files for commands outside the workflow, without checking their keys."""

from __future__ import annotations

from collections.abc import Mapping
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


def base_config(named: bool, folder: Path = Path()) -> list[Path]:
    """The files that the workflow's configuration starts from, each laid over the one before.

    A `config.yaml` of the folder that has `defaults` is whole: it takes the place of the project's own. Any other is
    laid over the project's, unless the user names another one: then it may belong to somebody else's program.

    Args:
        named: Whether the user names configurations (`--configfile`).
        folder: The folder that the workflow runs in.
    """
    own = folder / "config.yaml"
    if not own.exists():
        return [PROJECT]
    try:
        content = yaml.safe_load(own.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return [PROJECT] if named else [own]  # Snakemake says what is wrong with it
    if isinstance(content, dict) and "defaults" in content:
        return [own]
    return [PROJECT] if named or content is None else [PROJECT, own]


def completed(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A configuration laid over the project's, unless it is whole, as that of another workflow need not be."""
    return config if "defaults" in config else merge(project_config(), config)


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
