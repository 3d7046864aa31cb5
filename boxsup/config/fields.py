"""What every model of settings is made of: the base class, `setting` and `optional`, and types with bounds."""

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
    """Settings that belong together. They are frozen; an unknown key and a value of another type are errors."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, defer_build=True
    )

    def changed(self, **values: Any) -> Self:  # noqa: ANN401 - any setting
        """These settings with other values, by the names of the fields; a ConfigError for one out of range."""
        return build(type(self), {**dict(self), **values}, "settings", by_name=True)


class Distinct:
    """Marks a list that has each value once."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Called by pydantic."""
        return core_schema.no_info_after_validator_function(_distinct, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Called by pydantic."""
        return {**handler(schema), "uniqueItems": True}


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    told_apart = [(isinstance(value, bool), value) for value in values]  # True equals 1
    if any(value in told_apart[:place] for place, value in enumerate(told_apart)):
        raise ValueError("each value once")
    return values


Several = Annotated[tuple[T, ...], Strict(False)]  # not strict: JSON has lists; its items are checked strictly
DistinctValues = Annotated[tuple[T, ...], Strict(False), Distinct()]
SomeDistinct = Annotated[tuple[T, ...], Strict(False), Field(min_length=1), Distinct()]
Text = Annotated[str, StringConstraints(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]*$")]
Epoch = Annotated[int, Field(ge=1, le=999)]


def setting(
    default: Any = UNSET,  # noqa: ANN401 - any setting
    meaning: str = "",
    *,
    paper: str = "",
    late: bool = False,
    **bounds: Any,  # noqa: ANN401 - as of pydantic's Field
) -> Any:  # noqa: ANN401 - a field of any type
    """A field of a model.

    Args:
        default: What experiments have where a configuration says nothing; without one, a configuration must say it.
            A stage is told every setting: what a rule passes without this key is an error and never the default.
        meaning: What it does, for the pages and for the comments of `config.yaml`.
        paper: The value in Dai, He, Sun (ICCV 2015); "not given" where it is silent on a thing that it must have had.
        late: Leave it out of what rules pass to a stage where it has its default. For a setting that was added to a
            stage whose results at the default are those of before: no job of a user's runs again.
        **bounds: And `alias`, as of pydantic's Field.
    """
    extra: dict[str, Any] = {} if default is UNSET else {"default": plain(default)}
    extra |= {"paper": paper} if paper else {}
    return Field(default if late else ..., description=meaning or None, json_schema_extra=extra, **bounds)


def optional(default: Any, meaning: str, **bounds: Any) -> Any:  # noqa: ANN401 - a field of any type
    """A field of a model whose key may be left out, also of what a rule passes."""
    return Field(default, description=meaning, **bounds)


def fields_of(model: type[Settings]) -> Iterator[tuple[str, FieldInfo]]:
    """Each key of a model and its field, in order."""
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def variants(union: Any, key: str) -> dict[str, Any]:  # noqa: ANN401 - a union of models
    """The models of a union, in order, by what each says of the key that tells them apart.

    >>> from boxsup.config.proposals import AnyProposals
    >>> list(variants(AnyProposals, "method"))
    ['mcg', 'geodesic', 'selective_search', 'imported']
    """
    return {get_args(model.model_fields[key].annotation)[0]: model for model in get_args(get_args(union)[0])}


def block_of(field: FieldInfo) -> type[Settings] | None:
    """The model of a field that is a block of settings."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Settings) else None


def extra_of(field: FieldInfo) -> Mapping[str, Any]:
    """What `setting` knows of a field beside its type and bounds: `default` and `paper`, where there are such."""
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def defaults_of(model: type[Settings]) -> dict[str, Any]:
    """The defaults of a model and of the blocks in it, as JSON has them; keys without one are left out.

    >>> from boxsup.config.training import ScheduleSettings
    >>> defaults_of(ScheduleSettings)["step"]
    15
    """
    found: dict[str, Any] = {}
    for key, field in fields_of(model):
        inner = block_of(field)
        if inner and (values := defaults_of(inner)):
            found[key] = values
        elif "default" in extra_of(field):
            found[key] = extra_of(field)["default"]
    return found


def paper_of(model: type[Settings], key: str) -> str:
    """The paper's value of a setting by its dotted key; "" where a model has none.

    >>> from boxsup.config.experiment import Experiment
    >>> paper_of(Experiment, "update.k")
    '5'
    """
    first, _, rest = key.partition(".")
    field = dict(fields_of(model))[first]
    inner = block_of(field)
    return paper_of(inner, rest) if inner and rest else str(extra_of(field).get("paper", ""))


def told(model: type[Settings], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some values that a stage with this model is told; see `late` of `setting`."""
    known = dict(fields_of(model))
    return {
        key: value
        for key, value in values.items()
        if key in known and (known[key].is_required() or value != known[key].default)
    }


def plain(value: Any) -> Any:  # noqa: ANN401 - any setting
    """A value as JSON has it: tuples are lists."""
    return [plain(item) for item in value] if isinstance(value, tuple) else value
