"""Arguments that are JSON objects, as rules pass them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from boxsup.errors import ConfigError


def parse_object(text: str, keys: Sequence[str] = (), option: str = "--config") -> dict[str, Any]:
    """Read a JSON object.

    Args:
        text: The JSON.
        keys: The keys that it must have.
        option: The option that it was given by, for the message.

    Raises:
        ConfigError: It is no JSON object, or a key is missing.

    >>> parse_object('{"seeds": [0]}', ["seeds"])
    {'seeds': [0]}
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{option}: not JSON ({error})") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{option}: not a JSON object")
    missing = [key for key in keys if key not in content]
    if missing:
        raise ConfigError(f"{option}: the key '{missing[0]}' is missing")
    return content
