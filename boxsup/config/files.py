"""Configurations as files, for commands outside of the workflow; they are not checked here."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from boxsup.errors import ConfigError

Block = dict[str, Any]

PROJECT = Path(__file__).parents[1] / "config.yaml"  # a link to the project's own, so that an installed package has it


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Block:
    """`over` laid over `base`: mappings are merged key by key, everything else is replaced."""
    merged = deepcopy(dict(base))
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else deepcopy(value)
    return merged


def project_config(over: Path | None = None) -> Block:
    """`config.yaml` as it stands.

    Args:
        over: A file of some of its keys, which is laid over it.

    Raises:
        ConfigError: `over` is missing, or no YAML of keys and values.
    """
    config: Block = yaml.safe_load(PROJECT.read_text(encoding="utf-8"))
    return config if over is None else merge(config, read_keys(over))


def read_keys(path: Path) -> Block:
    """A file of some of config.yaml's keys; raises a ConfigError where it is missing, or no YAML of keys and values."""
    try:
        own = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: not a readable configuration ({reason})") from error
    if not isinstance(own, dict):
        raise ConfigError(f"{path}: expected keys and values as in config.yaml")
    return own


def block(config: Mapping[str, Any], *keys: str) -> Block:
    """The keys and values that stand in a configuration which no schema has checked, below some keys.

    Raises:
        ConfigError: A key is missing, or something else stands there.
    """
    found: Any = config
    for place, key in enumerate(keys, start=1):
        found = found.get(key) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            raise ConfigError(f"config: {'.'.join(keys[:place])}: expected keys and values, got {found!r}")
    return dict(found)
