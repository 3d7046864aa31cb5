"""Reads configuration files for commands outside the workflow, without checking their keys."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from boxsup.errors import ConfigError

Block = dict[str, Any]

PROJECT = Path(__file__).parents[1] / "config.yaml"  # a link to the one of the project, so that packages have it too


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
