"""Blocks of settings, nested as in a configuration."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any


def with_value(block: Mapping[str, Any], keys: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy of a block with another value at the keys that lead to it."""
    changed: Any = copy.deepcopy(block)
    inner = changed
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return changed
