"""Checks what users of Python give for settings of inference: each mistake is one line, as of the commands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from boxsup.config.fields import MAX_SCALE
from boxsup.config.inference import CrfSettings
from boxsup.errors import ConfigError


def checked_scales(scales: Any) -> Sequence[float]:  # noqa: ANN401 - whatever a user gives
    """Scales of an image.

    >>> checked_scales(np.array([0.5, 1]))
    [0.5, 1.0]

    Raises:
        ConfigError: They are no list of numbers above 0 and at most MAX_SCALE, or there are none.
    """
    listed = list(scales) if isinstance(scales, Iterable) and not isinstance(scales, str) else []
    values = [_number(each) for each in listed]
    if not values or not all(0 < value <= MAX_SCALE for value in values):
        raise ConfigError(f"scales: expected a list of numbers above 0, at most {MAX_SCALE:g}, got {scales!r}")
    return values


def checked_number(name: str, value: Any) -> float:  # noqa: ANN401 - whatever a user gives
    """A number, which may be infinite; `name` is what an error calls it.

    >>> checked_number("megapixels", math.inf)
    inf

    Raises:
        ConfigError: It is none.
    """
    number = _number(value)
    if math.isnan(number):
        raise ConfigError(f"{name}: expected a number, got {value!r}")
    return number


def check_crf(crf: Any) -> None:  # noqa: ANN401 - whatever a user gives
    """Raise a ConfigError unless it says whether the CRF refines labels, or how."""
    if crf is not None and not isinstance(crf, bool | np.bool_ | CrfSettings):
        raise ConfigError(f"crf: expected True, False, None or a CrfSettings, got {crf!r}")


def _number(value: Any) -> float:  # noqa: ANN401 - whatever a user gives
    """A number, also of NumPy or torch; NaN for what is none, such as a text."""
    try:
        return math.nan if isinstance(value, str | bytes | bool) else float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return math.nan
