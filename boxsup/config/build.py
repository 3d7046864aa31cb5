"""The settings of a stage, read from the canonical JSON that its rule passes."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from boxsup.config.messages import message
from boxsup.errors import ConfigError

T = TypeVar("T", bound=BaseModel)


def parse(model: type[T], text: str, where: str = "settings") -> T:
    """Parse settings from a JSON object that has every key of a model.

    Args:
        model: A class of settings.
        text: The JSON. The field `lambda_` has the key `lambda`, which Python allows no field to be called.
        where: What error messages begin with.

    Raises:
        ConfigError: The text is not a JSON object, or a key is missing, unknown or of a wrong type or value.
    """
    return build(model, mapping(text, where), where)


def mapping(text: str, where: str) -> dict[str, Any]:
    """Parse a JSON object without checking its keys; raises a ConfigError if the text is not one.

    >>> mapping('{"k": 1}', "update")
    {'k': 1}
    """
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where}: not JSON ({error})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected keys and values, got {values!r}")
    return values


def build(model: type[T], values: Any, where: str, by_name: bool = False) -> T:  # noqa: ANN401 - JSON
    """Make settings from parsed JSON; see `parse`.

    Args:
        model: A class of settings.
        values: Key -> value.
        where: What error messages begin with.
        by_name: Whether keys are the names of fields (`lambda_`), not those of JSON (`lambda`).

    >>> from boxsup.config.training import NetworkSettings
    >>> build(NetworkSettings, {"name": "fcn8s", "weights": "none", "sha256": ""}, "network").name
    'fcn8s'
    """
    try:
        return model.model_validate(values, by_name=by_name, by_alias=not by_name)
    except ValidationError as error:
        raise ConfigError(message(model, error, where)) from None
