"""Writes the pages of all settings, docs/settings.md and config/README.md, from the models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from boxsup.config.comments import yaml_of
from boxsup.config.datasets import AnyDataSet
from boxsup.config.experiment import Experiment, Page, Search
from boxsup.config.fields import Settings, block_of, extra_of, fields_of, variants
from boxsup.config.proposals import AnyProposals
from boxsup.config.schema import json_schema

Schema = dict[str, Any]

HEAD = """# Settings

Every setting of [`config.yaml`](architecture.md#the-house), as the models in `boxsup/config/` declare it;
`make settings` writes this page. The column "paper" has the value in Dai, He, Sun (ICCV 2015), if the paper gives one;
[paper.md](paper.md) says why ours differs. A configuration may leave out what has a default. An editor that knows JSON
schemas checks a configuration as you type, with `workflow/schemas/config.schema.json`.
"""
CATALOGUE = """# Configuration

`config.yaml` here is a link to that at the top of the repository, where people who run the workflow in a clone look for
it; whoever deploys the workflow gets a copy. It explains every key, and has the demo, PASCAL VOC and the paper's
experiments. A workflow that uses this one as a module may give only its own `datasets` and `experiments`: a
configuration without `defaults` is laid over the project's. `boxsup init` writes one for your images and boxes
([your own data](../docs/own-data.md)).

Below is every setting, as the models in `boxsup/config/` declare it; `make settings` writes this page.
"""
EXPERIMENTS = """
## Experiments

The keys of an experiment, under its name in `experiments`. A key that is missing there is taken from `defaults`, and
if it is missing there too, it has the default below. `updates` has named blocks with the keys of `update`, which an
experiment takes by `update: NAME` or `update: {preset: NAME, k: 1}`.

"""
DATASETS = """
## Data sets

The keys of a data set, under its name in `datasets`, by `format`; [data.md](data.md) says what each format reads.
"""
PROPOSALS = """
## Proposals

The keys of proposals, under their name in `proposals`, by `method`; [proposals.md](proposals.md) has measurements.
"""
OPTIONAL = "may be left out"
COLUMNS = ("setting", "value", "default", "meaning", "paper")
WORDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "null"}
BOUNDS = {
    "exclusiveMinimum": "above {:g}",
    "minimum": "{:g} or more",
    "exclusiveMaximum": "below {:g}",
    "maximum": "{:g} or less",
    "minItems": "{} or more values",
    "maxItems": "{} or fewer values",
    "pattern": "like `{}`",
}


def reference_text() -> str:
    """The page as Markdown."""
    return HEAD + _sections()


def catalogue_text() -> str:
    """The page in Markdown that Snakemake's workflow catalogue shows, `config/README.md`."""
    return CATALOGUE + re.sub(r"\]\((\w+\.md)", r"](../docs/\1", _sections())


def _sections() -> str:
    models: Schema = json_schema()["$defs"]
    parts = [EXPERIMENTS, _table(_rows(Experiment, models)), DATASETS, *_variants(AnyDataSet, "format", models)]
    parts += [PROPOSALS, *_variants(AnyProposals, "method", models)]
    for title, model in (("Searches", Search), ("Pages", Page)):
        parts += [f"\n## {title}\n\n{model.__doc__}\n\n", _table(_rows(model, models))]
    return "".join(parts)


def _variants(union: Any, key: str, models: Schema) -> Iterator[str]:  # noqa: ANN401 - a union of models
    for name, model in variants(union, key).items():
        yield f"\n### `{key}: {name}`\n\n{model.__doc__}\n\n{_table(_rows(model, models, skip=key))}"


def _rows(model: type[Settings], models: Schema, prefix: str = "", skip: str = "") -> Iterator[tuple[str, ...]]:
    """One row per setting; the settings in a block, a list or a mapping follow it, with keys joined by dots."""
    properties = models[model.__name__]["properties"]
    for key, field in fields_of(model):
        if key == skip:
            continue
        extra, schema, inner = extra_of(field), properties[key], block_of(field)
        shown = {**extra, **schema}
        default = f"`{yaml_of(shown['default'])}`" if "default" in shown else "" if field.is_required() else OPTIONAL
        value = "" if inner else _value(schema, models)
        yield (f"`{prefix}{key}`", value, default, field.description or "", str(extra.get("paper", "")))
        held = inner or _held(field.annotation)
        if held:
            joint = {"array": "[].", "object": ".NAME."}.get(schema.get("type", ""), ".")
            yield from _rows(held, models, f"{prefix}{key}{joint}")


def _held(kind: Any) -> type[Settings] | None:  # noqa: ANN401 - any type
    """The model of the items of a mapping or list, or of an optional block; None if there is none."""
    if isinstance(kind, type) and issubclass(kind, Settings):
        return kind
    return next((model for part in get_args(kind) if (model := _held(part))), None)


def _value(schema: Schema, models: Schema) -> str:
    """The values that a setting may have, in words."""
    if "$ref" in schema:
        return "keys and values"
    if "anyOf" in schema:
        return " or ".join(_value(choice, models) for choice in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " \\| ".join(f"`{yaml_of(value)}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return ", ".join([f"list: {_value(schema['items'], models) or 'any values'}", *_bounds(schema)])
    if schema.get("type") == "object":
        held = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties", {}))
        return f"by name: {_value(held, models)}"
    return ", ".join([WORDS[schema["type"]], *_bounds(schema)]) if "type" in schema else ""


def _bounds(schema: Schema) -> list[str]:
    if "minItems" in schema and schema["minItems"] == schema.get("maxItems"):
        return [f"{schema['minItems']} values"]
    return [words.format(schema[key]) for key, words in BOUNDS.items() if key in schema]


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace(" | ", " \\| ").replace("<", "&lt;")
