"""The parts of every model of settings: its base class, its fields (`setting`, `optional`), and types with bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Strict, StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from boxsup.config.build import build

T = TypeVar("T")
UNSET: Any = ...


class Settings(BaseModel):
    """Settings that belong together. They cannot be changed; an unknown key or a value of another type is an error.

    So is a number that is not finite: no setting means anything with it, and JSON has none.
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        defer_build=True,
        allow_inf_nan=False,
    )

    def changed(self, **values: Any) -> Self:  # noqa: ANN401 - any setting
        """A copy with other values.

        Args:
            **values: Name of a field -> its new value.

        Raises:
            ConfigError: A value is of the wrong type or out of range.
        """
        return build(type(self), {**dict(self), **values}, "settings", by_name=True)


class Distinct:
    """Marks a list in which no value may occur twice."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Called by pydantic."""
        return core_schema.no_info_after_validator_function(_distinct, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Called by pydantic."""
        return {**handler(schema), "uniqueItems": True}


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    told_apart = [(isinstance(value, bool), value) for value in values]  # since True equals 1
    if any(value in told_apart[:index] for index, value in enumerate(told_apart)):
        raise ValueError("each value once")
    return values


Several = Annotated[tuple[T, ...], Strict(False)]  # not strict: JSON has lists; its items are checked strictly
DistinctValues = Annotated[tuple[T, ...], Strict(False), Distinct()]
SomeDistinct = Annotated[tuple[T, ...], Strict(False), Field(min_length=1), Distinct()]
Text = Annotated[str, StringConstraints(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]*$")]
Epoch = Annotated[int, Field(ge=1, le=999)]
MAX_SCALE = 4.0  # of an image's sides: sixteen times its pixels, and the memory for them
Scale = Annotated[float, Field(gt=0, le=MAX_SCALE)]


def setting(
    default: Any = UNSET,  # noqa: ANN401 - any setting
    meaning: str = "",
    *,
    paper: str = "",
    late: bool = False,
    **bounds: Any,  # noqa: ANN401 - as pydantic.Field takes them
) -> Any:  # noqa: ANN401 - a field of any type
    """A field of a model.

    Args:
        default: The value if a configuration does not give one; without a default, every configuration must give it.
            A stage never falls back to it: JSON from a rule without this key is an error.
        meaning: What the setting does, for the pages and the comments in `config.yaml`.
        paper: The value in Dai, He, Sun (ICCV 2015); "not given" if the paper must have had one but does not say it.
        late: Do not pass the setting to a stage if it has its default. This is for a setting that is added to a stage
            and whose default changes no results: finished jobs of users do not run again.
        **bounds: Bounds and `alias`, as `pydantic.Field` takes them.
    """
    extra: dict[str, Any] = {} if default is UNSET else {"default": plain(default)}
    extra |= {"paper": paper} if paper else {}
    return Field(default if late else ..., description=meaning or None, json_schema_extra=extra, **bounds)


def optional(default: Any, meaning: str, **bounds: Any) -> Any:  # noqa: ANN401 - a field of any type
    """A field of a model whose key may be left out, also from the JSON that a rule passes; see `setting`."""
    return Field(default, description=meaning, **bounds)


def fields_of(model: type[Settings]) -> Iterator[tuple[str, FieldInfo]]:
    """The keys of a model with their fields, in order."""
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def variants(union: Any, key: str) -> dict[str, Any]:  # noqa: ANN401 - a union of models
    """The models of a union, in order, by the value of the key that tells them apart.

    >>> from boxsup.config.proposals import AnyProposals
    >>> list(variants(AnyProposals, "method"))
    ['mcg', 'geodesic', 'selective_search', 'imported']
    """
    return {get_args(model.model_fields[key].annotation)[0]: model for model in get_args(get_args(union)[0])}


def block_of(field: FieldInfo) -> type[Settings] | None:
    """The model of a field that is a block of settings; None for any other field."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Settings) else None


def extra_of(field: FieldInfo) -> Mapping[str, Any]:
    """What `setting` records of a field besides its type and bounds: `default` and `paper`, if they are given."""
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def defaults_of(model: type[Settings]) -> dict[str, Any]:
    """The defaults of a model and of its blocks, as values of JSON; keys without a default are left out.

    >>> from boxsup.config.training import ScheduleSettings
    >>> defaults_of(ScheduleSettings)["step"]
    15
    """
    defaults: dict[str, Any] = {}
    for key, field in fields_of(model):
        inner = block_of(field)
        if inner and (values := defaults_of(inner)):
            defaults[key] = values
        elif "default" in extra_of(field):
            defaults[key] = extra_of(field)["default"]
    return defaults


def paper_of(model: type[Settings], key: str) -> str:
    """The paper's value of a setting, given its keys joined by dots; "" if the model has none.

    >>> from boxsup.config.experiment import Experiment
    >>> paper_of(Experiment, "update.k")
    '5'
    """
    first, _, rest = key.partition(".")
    field = dict(fields_of(model))[first]
    inner = block_of(field)
    return paper_of(inner, rest) if inner and rest else str(extra_of(field).get("paper", ""))


def stage_settings(model: type[Settings], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are passed to a stage whose settings are this model; see `late` of `setting`."""
    known = dict(fields_of(model))
    return {
        key: value
        for key, value in values.items()
        if key in known and (known[key].is_required() or value != known[key].default)
    }


def plain(value: Any) -> Any:  # noqa: ANN401 - any setting
    """A value of JSON: tuples become lists.

    >>> plain((1, (2, 3)))
    [1, [2, 3]]
    """
    return [plain(item) for item in value] if isinstance(value, tuple) else value
