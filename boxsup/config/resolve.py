"""Checks and resolves the workflow's configuration, once, before any job is planned."""

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

UNNAMED = {"dataset": "", "train": "", "val": ""}  # keys of an experiment that `defaults` may leave out


def resolve(config: Mapping[str, Any]) -> Block:
    """Check a configuration, and lay each experiment over the defaults and over the named update that it starts from.

    Args:
        config: The content of `config.yaml`, with what users lay over it.

    Returns:
        `datasets`, where a union has the classes of its parts; `proposals` and `pages`, unchanged; `experiments` with
        every setting, including the points of searches; `searches` with the names of their points; and `container`,
        None if there is none.

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
    _check({**plain, "searches": {}})  # checks the points too; resolved searches no longer fit the model
    for name, dataset in plain["datasets"].items():
        if dataset["format"] == "union":
            dataset["classes"] = common_classes(plain["datasets"], name)
    check_references(plain)
    resolved = {key: plain[key] for key in ("datasets", "proposals", "experiments", "searches", "pages")}
    return {**resolved, "container": plain.get("container")}


def _check(config: Block) -> None:
    build(Configuration, config, "config:")


def _completed(config: Block) -> Block:
    """A configuration whose defaults, named updates and experiments have every setting; not checked yet."""
    defaults, updates = config.get("defaults"), config.get("updates")
    if not isinstance(defaults, dict):
        return config
    defaults = merge(defaults_of(Experiment), defaults)
    completed = {**config, "defaults": {**UNNAMED, **defaults}}
    if isinstance(updates, dict):
        completed["updates"] = {name: _over(defaults_of(Update), update) for name, update in updates.items()}
    if isinstance(config.get("experiments"), dict):
        completed["experiments"] = {
            name: _over(defaults, _preset(updates, name, experiment))
            for name, experiment in config["experiments"].items()
        }
    return completed


def _over(base: Any, over: Any) -> Any:  # noqa: ANN401 - not checked yet
    """`over` laid over `base`; if it is not keys and values, it stays as it is and the check reports it."""
    return merge(base, over) if isinstance(base, dict) and isinstance(over, dict) else over


def _preset(updates: Any, name: str, experiment: Any) -> Any:  # noqa: ANN401 - not checked yet
    """An experiment in which a named update is replaced by its settings, with the experiment's keys laid over them."""
    update = experiment.get("update", {}) if isinstance(experiment, dict) else {}
    if isinstance(update, str):
        update = {"preset": update}
    if not isinstance(update, dict) or "preset" not in update:
        return experiment
    known = updates if isinstance(updates, dict) else {}
    check_name(update["preset"], known, f"experiments.{name}.update", "named update")
    over = {key: value for key, value in update.items() if key != "preset"}
    return {**experiment, "update": merge(known[update["preset"]], over)}
