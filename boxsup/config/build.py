"""The settings of a stage, read from the canonical JSON that its rule passes."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from boxsup.config.messages import message
from boxsup.errors import ConfigError

T = TypeVar("T", bound=BaseModel)


def parse(model: type[T], text: str, where: str = "settings") -> T:
    """Settings from a JSON object, every key expected and checked.

    Args:
        model: A class of settings.
        text: The JSON. A field whose name is a Python keyword plus "_" stands in it without (`lambda`).
        where: What messages begin with.

    Raises:
        ConfigError: The text is not a JSON object, or a key is missing, unknown or of a wrong type or value.
    """
    return build(model, mapping(text, where), where)


def mapping(text: str, where: str) -> dict[str, Any]:
    """A JSON object, its keys not checked yet; raises a ConfigError where the text is none."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where}: not JSON ({error})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected keys and values, got {values!r}")
    return values


def build(model: type[T], values: Any, where: str, by_name: bool = False) -> T:  # noqa: ANN401 - JSON
    """Settings from parsed JSON; see `parse`.

    Args:
        model: A class of settings.
        values: By key.
        where: What messages begin with.
        by_name: Whether the values are by the names of the fields (`lambda_`) and not by their keys (`lambda`).

    >>> from boxsup.config.training import NetworkSettings
    >>> build(NetworkSettings, {"name": "fcn8s", "weights": "none", "sha256": ""}, "network").name
    'fcn8s'
    """
    try:
        return model.model_validate(values, by_name=by_name, by_alias=not by_name)
    except ValidationError as error:
        raise ConfigError(message(model, error, where)) from None
