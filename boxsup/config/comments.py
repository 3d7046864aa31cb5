"""The `defaults` of `config.yaml`, from the models: each setting with its default, meaning and the paper's value."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from boxsup.config.experiment import Experiment
from boxsup.config.fields import Settings, block_of, extra_of, fields_of

WIDTH = 120
BEGIN = (
    "defaults: # what every experiment starts from; made by `make settings` from boxsup/config/: change them there\n"
)
END = "\nexperiments:\n"


def with_defaults(text: str) -> str:
    """The text of a `config.yaml` with its block `defaults` written anew.

    Args:
        text: With the lines `defaults: …` and `experiments:`, a blank line before the latter.
    """
    before, _, rest = text.partition("\ndefaults:")
    after = rest.partition(END)[2]
    return f"{before}\n{BEGIN}\n" + "\n".join(_lines(Experiment, 1)) + f"\n{END}{after}"


def yaml_of(value: Any) -> str:  # noqa: ANN401 - any setting
    """A value in one line of YAML."""
    if value == "":
        return '""'
    return yaml.safe_dump([value], default_flow_style=True, width=10_000, allow_unicode=True).strip()[1:-1]


def meaning_of(field: FieldInfo) -> str:
    """What a setting does, the values that it may have where it is one of some, and the paper's."""
    paper, own = extra_of(field).get("paper", ""), extra_of(field).get("default")
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    listed = f": {' | '.join(choices)}" if choices and "|" not in (field.description or "") else ""
    mark = " [paper]" if paper == str(own) else f" [paper: {paper}]"
    return f"{field.description}{listed}{mark if paper not in ('', 'not given') else ''}"


def _lines(model: type[Settings], level: int) -> Iterator[str]:
    """The keys of a model that have defaults; those of blocks below them."""
    indent, after_block = "  " * level, False
    for key, field in fields_of(model):
        inner, extra = block_of(field), extra_of(field)
        if level == 1 and (inner or after_block) and (inner or "default" in extra):
            yield ""
        if inner:
            yield from _key(indent, f"{key}:", field)
            yield from _lines(inner, level + 1)
        elif "default" in extra:
            yield from _key(indent, f"{key}: {yaml_of(extra['default'])}", field)
        after_block = inner is not None


def _key(indent: str, text: str, field: FieldInfo) -> Iterator[str]:
    """A key with its comment, which stands above it where the line would be too long."""
    line = f"{indent}{text} # {meaning_of(field)}"
    if len(line) <= WIDTH:
        yield line
        return
    start = f"{indent}# "
    yield from textwrap.wrap(meaning_of(field), WIDTH, initial_indent=start, subsequent_indent=start)
    yield f"{indent}{text}"
