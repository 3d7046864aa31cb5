"""Writes the block `defaults` of `config.yaml`: each setting with its default, its meaning and the paper's value."""

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
    """Replace the block `defaults` of a `config.yaml`.

    Args:
        text: The text of the file. It has a line `defaults: …` and, after a blank line, a line `experiments:`.
    """
    before, _, rest = text.partition("\ndefaults:")
    after = rest.partition(END)[2]
    return f"{before}\n{BEGIN}\n" + "\n".join(_lines(Experiment, 1)) + f"\n{END}{after}"


def yaml_of(value: Any) -> str:  # noqa: ANN401 - any setting
    """A value as one line of YAML.

    >>> yaml_of([1.0, 0.5]), yaml_of("")
    ('[1.0, 0.5]', '""')
    """
    if value == "":
        return '""'
    return yaml.safe_dump([value], default_flow_style=True, width=10_000, allow_unicode=True).strip()[1:-1]


def meaning_of(field: FieldInfo) -> str:
    """The comment on a setting: what it does, its possible values if it has only a few, and the paper's value."""
    paper, default = extra_of(field).get("paper", ""), extra_of(field).get("default")
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    listed = f": {' | '.join(map(str, choices))}" if choices and "|" not in (field.description or "") else ""
    mark = " [paper]" if paper == str(default) else f" [paper: {paper}]"
    return f"{field.description}{listed}{mark if paper not in ('', 'not given') else ''}"


def _lines(model: type[Settings], level: int) -> Iterator[str]:
    """The lines of all keys of a model that have defaults; the keys of a block come below its own."""
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
    """The line of a key with its comment, or comment lines above it if one line would be too long."""
    line = f"{indent}{text} # {meaning_of(field)}"
    if len(line) <= WIDTH:
        yield line
        return
    start = f"{indent}# "
    yield from textwrap.wrap(meaning_of(field), WIDTH, initial_indent=start, subsequent_indent=start)
    yield f"{indent}{text}"
