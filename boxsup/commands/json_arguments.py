"""Arguments that are JSON objects, as rules pass them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boxsup.config.build import mapping
from boxsup.errors import ConfigError


def parse_object(text: str, keys: Sequence[str] = (), option: str = "--config") -> dict[str, Any]:
    """Parse a JSON object, and check that it has some keys.

    Args:
        text: The JSON.
        keys: The keys that it must have.
        option: The option that gave it, for error messages.

    Raises:
        ConfigError: The text is not a JSON object, or a key is missing.

    >>> parse_object('{"seeds": [0]}', ["seeds"])
    {'seeds': [0]}
    """
    content = mapping(text, option)
    missing = [key for key in keys if key not in content]
    if missing:
        raise ConfigError(f"{option}: the key '{missing[0]}' is missing")
    return content
