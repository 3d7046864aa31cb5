"""Makes the JSON schema of `config.yaml`, for editors: experiments may leave out what has a default."""

from __future__ import annotations

import json
from typing import Any

from boxsup.config.experiment import Configuration

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> Schema:
    """The schema of a configuration as users write it."""
    whole: Schema = _untitled(Configuration.model_json_schema())
    models: Schema = whole["$defs"]
    for model in models.values():
        for field in model["properties"].values():
            if _is_unset(field):
                del field["default"]
    for model in models.values():
        _relax(model, models)
    models["Defaults"] = {**models["Experiment"], "required": []}
    whole["properties"]["defaults"]["$ref"] = "#/$defs/Defaults"
    _name_updates(models)
    return {"$schema": DRAFT, "title": "BoxSup's config.yaml", **whole}


def schema_text() -> str:
    """The text of the schema's file."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def _untitled(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """A schema without pydantic's titles, which only repeat names."""
    if isinstance(schema, dict):
        return {
            key: _untitled(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))
        }
    return [_untitled(item) for item in schema] if isinstance(schema, list) else schema


def _is_unset(field: Schema) -> bool:
    """Whether a field's default means that its key is left out: it is not a value that users can write."""
    unset = field.get("default", ...)
    return (unset is None and "anyOf" not in field) or (unset == "" and "" not in field.get("enum", [""]))


def _relax(model: Schema, models: Schema) -> None:
    """Make keys optional that have a default, and blocks in which every key has one."""
    for key in list(model.get("required", [])):
        field = model["properties"][key]
        if "$ref" in field:
            block = models[field["$ref"].rpartition("/")[2]]
            _relax(block, models)
        if "default" in field or ("$ref" in field and not block["required"]):
            model["required"].remove(key)


def _name_updates(models: Schema) -> None:
    """Allow an experiment's update to be a name, or to have the key `preset`."""
    preset = {"type": "string", "description": "name of one of `updates`, over which the other keys are laid"}
    update = models["Update"]
    models["ExperimentUpdate"] = {**update, "properties": {"preset": preset, **update["properties"]}}
    for name in ("Experiment", "Defaults"):
        fields = models[name]["properties"]
        field = {key: value for key, value in fields["update"].items() if key != "$ref"}
        choices = [{"$ref": "#/$defs/ExperimentUpdate"}, {"type": "string"}]
        models[name]["properties"] = {**fields, "update": {"anyOf": choices, **field}}
