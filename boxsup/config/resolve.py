"""The workflow's configuration: `config.yaml` checked and resolved, once, before any job is planned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from boxsup.config.build import build
from boxsup.config.experiment import Configuration, Experiment
from boxsup.config.fields import defaults_of
from boxsup.config.files import Block, merge
from boxsup.config.references import check_name, check_references, common_classes
from boxsup.config.searches import with_points
from boxsup.config.update import Update

NAMELESS = {"dataset": "", "train": "", "val": ""}  # what `defaults` need not say


def resolve(config: Mapping[str, Any]) -> Block:
    """Check a configuration and lay each experiment over the defaults, and over the named update it starts from.

    Args:
        config: What was read from `config.yaml` and what was merged over it.

    Returns:
        `datasets`, `proposals` and `pages` as they are, but for the classes of a union, which are those of its parts;
        `experiments` with every setting, the points of `searches` among them; and these, resolved.

    Raises:
        ConfigError: A key is unknown or missing, a value is of the wrong type or out of range, or a name refers to
            nothing.
    """
    written: Block = json.loads(json.dumps(config))
    plain = _completed(written)
    _check(plain)
    for name, search in plain["searches"].items():
        check_name(search["experiment"], plain["experiments"], f"searches.{name}.experiment", "experiment")
    plain["experiments"], plain["searches"] = with_points(plain["experiments"], plain["searches"])
    _check({**plain, "searches": {}})  # the points' values too; the searches are resolved now
    for name, dataset in plain["datasets"].items():
        if dataset["format"] == "union":
            dataset["classes"] = common_classes(plain["datasets"], name)
    check_references(plain)
    return {key: plain[key] for key in ("datasets", "proposals", "experiments", "searches", "pages")}


def _check(config: Block) -> None:
    build(Configuration, config, "config:")


def _completed(config: Block) -> Block:
    """A configuration with every setting of its defaults, named updates and experiments; not checked yet."""
    defaults, updates = config.get("defaults"), config.get("updates")
    if not isinstance(defaults, dict):
        return config
    defaults = merge(defaults_of(Experiment), defaults)
    completed = {**config, "defaults": {**NAMELESS, **defaults}}
    if isinstance(updates, dict):
        completed["updates"] = {name: _over(defaults_of(Update), update) for name, update in updates.items()}
    if isinstance(config.get("experiments"), dict):
        completed["experiments"] = {
            name: _over(defaults, _preset(updates, name, experiment))
            for name, experiment in config["experiments"].items()
        }
    return completed


def _over(base: Any, own: Any) -> Any:  # noqa: ANN401 - not checked yet
    """Keys laid over others; a value that is no keys is left to the check."""
    return merge(base, own) if isinstance(base, dict) and isinstance(own, dict) else own


def _preset(updates: Any, name: str, experiment: Any) -> Any:  # noqa: ANN401 - not checked yet
    """An experiment whose `update`, the name of one of `updates` or keys over one, is spelled out."""
    update = experiment.get("update", {}) if isinstance(experiment, dict) else {}
    if isinstance(update, str):
        update = {"preset": update}
    if not isinstance(update, dict) or "preset" not in update:
        return experiment
    known = updates if isinstance(updates, dict) else {}
    check_name(update["preset"], known, f"experiments.{name}.update", "named update")
    own = {key: value for key, value in update.items() if key != "preset"}
    return {**experiment, "update": merge(known[update["preset"]], own)}
