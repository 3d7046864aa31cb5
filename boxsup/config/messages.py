"""Turns pydantic's errors into one line for people, which names the key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from boxsup.near import did_you_mean, nearest

# Type of an error of pydantic -> what was expected; the error's context fills the braces.
EXPECTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "literal_error": "one of {expected}",
    "union_tag_invalid": "one of {expected_tags}",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of {ge} or more",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of {le} or less",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "text like {pattern}",
    "too_short": "{min_length} or more values",
    "too_long": "{max_length} or fewer values",
    "value_error": "{error}",
}
NUMBERS = ("int_type", "float_type")


def message(model: type[BaseModel], error: ValidationError, where: str) -> str:
    """One line that names the key, what was expected and what was got.

    Args:
        model: The model that the values were checked by.
        error: The errors that pydantic found; the line is about one of them.
        where: What the line begins with: the name of the values, or `config:`.
    """
    errors = error.errors(include_url=False)
    # An unknown key may be a misspelling of one that is missing, so it explains more.
    worst = next((found for found in errors if found["type"] == "extra_forbidden"), errors[0])
    return _message(model, worst, where)


def _message(model: Any, error: ErrorDetails, where: str) -> str:  # noqa: ANN401 - any type
    path, kinds = _walk(model, error["loc"])
    kind, value = error["type"], error["input"]
    full_key = _full_key(where, path)
    if kind in ("missing", "union_tag_not_found"):
        missing = path[-1] if kind == "missing" else str(error["ctx"]["discriminator"]).strip("'")
        owner = _full_key(where, path[:-1]) if kind == "missing" else full_key
        return f"{owner}: the key '{missing}' is missing"
    if kind == "extra_forbidden":
        known = [field.alias or name for name, field in kinds[-1].model_fields.items()]
        near = did_you_mean(nearest(path[-1], known, 1))
        return f"{full_key}: unknown key{near or '; known are ' + ', '.join(known)}"
    if kind == "union_tag_invalid":
        discriminator = str(error["ctx"]["discriminator"]).strip("'")
        full_key, value = f"{full_key}.{discriminator}", value[discriminator]
    hint = " (YAML takes it for text: write it with a dot, for instance 1.0e-3)" if kind in NUMBERS else ""
    choices = re.findall("'([^']+)'", str(error.get("ctx", {}).get("expected", ""))) if kind == "literal_error" else []
    near = did_you_mean(nearest(str(value), choices, 1))
    context = {key: _shown(key, bound) for key, bound in error.get("ctx", {}).items()}
    expected = EXPECTED[kind].format(**context) if kind in EXPECTED else error["msg"]
    return f"{full_key}: expected {expected}, got {value!r}{hint if _is_number(value) else near}"


def _shown(key: str, bound: object) -> str:
    """A bound, or known values without pydantic's quotes, as text."""
    if key.startswith("expected"):
        return str(bound).replace("'", "").replace(" or ", ", ")
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _full_key(where: str, path: list[str]) -> str:
    """The full name of a key: `config: experiments.demo`, or `training.rate` for the settings of a stage."""
    return f"{where} {'.'.join(path) or 'config.yaml'}" if where.endswith(":") else ".".join([where, *path])


def _walk(kind: Any, location: tuple[int | str, ...]) -> tuple[list[str], list[Any]]:  # noqa: ANN401 - any type
    """The keys of an error's location, without pydantic's additions, and the type that has each of them."""
    path, kinds = [], []
    for part in location:
        kind = _bare(kind)
        if part == "[key]":  # a name that does not fit its pattern
            continue
        members = [member for member in get_args(kind) if _tag(member) == part]
        if members:  # of a union: the part is the tag of a member, not a key
            kind = members[0]
            continue
        path.append(str(part))
        kinds.append(kind)
        kind = _inside(kind, part)
    return path, kinds


def _bare(kind: Any) -> Any:  # noqa: ANN401 - any type
    """A type without its bounds, and without None."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if NoneType in get_args(kind):
        return _bare(next(member for member in get_args(kind) if member is not NoneType))
    return kind


def _inside(kind: Any, part: int | str) -> Any:  # noqa: ANN401 - any type
    """The type of the value of a key, or of an item of a list."""
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    if get_origin(kind) is tuple:
        return get_args(kind)[0]
    fields: Mapping[str, Any] = getattr(kind, "model_fields", {})
    return next((field.annotation for name, field in fields.items() if part in (name, field.alias)), None)


def _tag(member: Any) -> str | None:  # noqa: ANN401 - any type
    """The value that tells a member of a union from the others: its `format` or `method`."""
    fields: Mapping[str, Any] = getattr(member, "model_fields", {})
    names = (get_args(fields[key].annotation) for key in ("format", "method") if key in fields)
    return next((values[0] for values in names if len(values) == 1), None)


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return isinstance(value, str)
