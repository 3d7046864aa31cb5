"""The workflow's configuration: `config.yaml` checked and resolved, once, before any job is planned.

What is wrong is said in one line that names the key, since the messages of a schema validator are read by nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from boxsup.errors import ConfigError
from boxsup.near import did_you_mean, nearest
from boxsup.report.paper.published import own_name, published_experiments
from boxsup.searches import with_points

Block = dict[str, Any]

PROJECT = Path(__file__).with_name("config.yaml")  # a link to the project's own, so that an installed package has it


def resolve(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Block:
    """Check a configuration and lay each experiment over the defaults, and over the named update it starts from.

    Args:
        config: What was read from `config.yaml` and what was merged over it.
        schema: The JSON schema of a configuration (`workflow/schemas/config.schema.yaml`).

    Returns:
        `datasets`, `proposals` and `pages` as they are, but for the classes of a union, which are those of its parts;
        `experiments` with every key that `defaults` has, the points of `searches` among them; and these, resolved.

    Raises:
        ConfigError: A key is unknown or missing, a value is of the wrong type or out of range, or a name refers to
            nothing.
    """
    plain: Block = json.loads(json.dumps(config))
    experiments = plain.get("experiments")
    if isinstance(experiments, dict) and isinstance(plain.get("defaults"), dict):
        updates = plain.get("updates")
        plain["experiments"] = {
            name: merge(plain["defaults"], _preset(updates, name, experiment))
            if isinstance(experiment, dict)
            else experiment
            for name, experiment in experiments.items()
        }
    _validate(plain, schema)
    for name, search in plain["searches"].items():
        _check_name(search["experiment"], plain["experiments"], f"searches.{name}.experiment", "experiment")
    plain["experiments"], plain["searches"] = with_points(plain["experiments"], plain["searches"])
    _validate({**plain, "searches": {}}, schema)  # the points' values too; the searches are resolved now
    for name, dataset in plain["datasets"].items():
        if dataset["format"] == "union":
            dataset["classes"] = _common_classes(plain["datasets"], name)
        elif "proposals_of" in dataset:
            _check_owner(plain["datasets"], name)
    for name, experiment in plain["experiments"].items():
        _check_names(plain, name, experiment)
        _check_start(plain["experiments"], name)
        _check_checkpoints(plain["experiments"], name)
        _check_gpus(name, experiment["training"])
    for name in plain["pages"]:
        _check_page(plain, name)
    return {key: plain[key] for key in ("datasets", "proposals", "experiments", "searches", "pages")}


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Block:
    """`over` laid over `base`: mappings are merged key by key, everything else is replaced."""
    merged = deepcopy(dict(base))
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else deepcopy(value)
    return merged


def _validate(config: Block, schema: Mapping[str, Any]) -> None:
    error = best_match(Draft202012Validator(schema).iter_errors(config))
    if error is not None:
        raise ConfigError(_message(error))


def project_config(over: Path | None = None) -> Block:
    """`config.yaml` as it stands, for commands that run outside of the workflow; not checked by the schema.

    Args:
        over: A file of some of its keys, which is laid over it.

    Raises:
        ConfigError: `over` is missing, or no YAML of keys and values.
    """
    config: Block = yaml.safe_load(PROJECT.read_text(encoding="utf-8"))
    return config if over is None else merge(config, read_keys(over))


def read_keys(path: Path) -> Block:
    """A file of some of config.yaml's keys; raises a ConfigError where it is missing, or no YAML of keys and values."""
    try:
        own = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: not a readable configuration ({reason})") from error
    if not isinstance(own, dict):
        raise ConfigError(f"{path}: expected keys and values as in config.yaml")
    return own


def block(config: Mapping[str, Any], *keys: str) -> Block:
    """The keys and values that stand in a configuration which no schema has checked, below some keys.

    Raises:
        ConfigError: A key is missing, or something else stands there.
    """
    found: Any = config
    for place, key in enumerate(keys, start=1):
        found = found.get(key) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            raise ConfigError(f"config: {'.'.join(keys[:place])}: expected keys and values, got {found!r}")
    return dict(found)


def _preset(updates: Any, name: str, experiment: Block) -> Block:  # noqa: ANN401 - not checked yet
    """An experiment whose `update`, the name of one of `updates` or keys over one, is spelled out."""
    update = experiment.get("update", {})
    if isinstance(update, str):
        update = {"preset": update}
    if not isinstance(update, dict) or "preset" not in update:
        return experiment
    known = updates if isinstance(updates, dict) else {}
    _check_name(update["preset"], known, f"experiments.{name}.update", "named update")
    own = {key: value for key, value in update.items() if key != "preset"}
    return {**experiment, "update": merge(known[update["preset"]], own)}


def generation_settings(update: Mapping[str, Any]) -> Block:
    """The settings of an update that its choices read; the others say which generations there are, and how to ask."""
    return {key: value for key, value in update.items() if key not in ("every", "warmup", "scales")}


def epoch_settings(training: Mapping[str, Any]) -> Block:
    """The settings of the training that results depend on; `gpus` where they are several."""
    return {key: value for key, value in training.items() if key != "workers" and (key, value) != ("gpus", 1)}


def fixed_crf_settings(inference: Mapping[str, Any]) -> Block:
    """The settings of the dense CRF that a search leaves as they are."""
    return {key: value for key, value in inference["crf"].items() if key not in inference["crf_search"]}


def without_held_out(experiment: Mapping[str, Any]) -> str:
    """What the split is less in an experiment's scores, after its name: the images held out to search settings on."""
    count = experiment["validation"]["held_out"]
    return f" without {count:,} held out" if count else ""


def canonical(settings: Any) -> str:  # noqa: ANN401 - any JSON value
    """JSON that is the same for the same settings, whatever the order of their keys: what a rule's `params` hold."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"))


def _check_names(config: Block, name: str, experiment: Block) -> None:
    """Raise where an experiment names a data set, a split or proposals that are not there."""
    where = f"experiments.{name}"
    _check_name(experiment["dataset"], config["datasets"], f"{where}.dataset", "data set")
    _check_name(experiment["proposals"], config["proposals"], f"{where}.proposals", "proposals")
    splits = config["datasets"][experiment["dataset"]]["splits"]
    for key in ("train", "val"):
        _check_name(experiment[key], splits, f"{where}.{key}", f"split of {experiment['dataset']}")
    masks = experiment["supervision"]["masks"]
    if masks not in ("none", "all"):
        _check_name(masks, splits, f"{where}.supervision.masks", f"none, all or a split of {experiment['dataset']}")


def _check_page(config: Block, name: str) -> None:
    """Raise unless a page has a name of its own, and experiments to show."""
    if name in config["experiments"]:
        raise ConfigError(f"config: pages.{name}: an experiment has this name; choose another, their reports collide")
    families = [family for key in ("full", "small") if (family := config["pages"][name][key])]
    own = {own_name(published, family) for published in published_experiments() for family in families}
    if not own & set(config["experiments"]):
        raise ConfigError(
            f"config: pages.{name}: no experiment is of '{' or '.join(families)}'; name a family, as demo of demo_box"
        )


def _common_classes(datasets: Block, name: str) -> list[str]:
    """The classes of a union's parts; raises where they are not the same, or a part is not there."""
    classes: list[str] = []
    known = {key: dataset for key, dataset in datasets.items() if dataset["format"] != "union"}
    for split, parts in datasets[name]["splits"].items():
        where = f"datasets.{name}.splits.{split}"
        for dataset, _, part in (each.partition("/") for each in parts):
            _check_name(dataset, known, where, "data set that a union can join")
            _check_name(part, known[dataset]["splits"], where, f"split of {dataset}")
            classes = classes or known[dataset]["classes"]
            if known[dataset]["classes"] != classes:
                raise ConfigError(
                    f"config: {where}: {dataset} has other classes, or in another order, than other parts"
                )
    return classes


def _check_owner(datasets: Block, name: str) -> None:
    """Raise unless a data set's proposals can be another's: with the same splits and as many shards."""
    where, owner = f"datasets.{name}.proposals_of", datasets[name]["proposals_of"]
    known = {key: dataset for key, dataset in datasets.items() if dataset["format"] != "union" and key != name}
    _check_name(owner, known, where, "other data set")
    if "proposals_of" in known[owner]:
        raise ConfigError(f"config: {where}: {owner} has no proposals of its own; name {known[owner]['proposals_of']}")
    own, theirs = datasets[name], known[owner]
    if own["shards"] != theirs["shards"] or not own["splits"].keys() <= theirs["splits"].keys():
        raise ConfigError(f"config: {where}: {owner} must have the same splits and as many shards")


def _check_start(experiments: Block, name: str) -> None:
    """Raise unless an experiment can start from a checkpoint of the one that it names."""
    where, start = f"experiments.{name}.init_from", experiments[name]["init_from"]
    seen = [name]
    while start is not None:
        _check_name(start["experiment"], experiments, f"{where}.experiment", "experiment")
        source = experiments[start["experiment"]]
        if start["epoch"] > source["epochs"]:
            raise ConfigError(f"config: {where}.epoch: {start['experiment']} has {source['epochs']} epochs only")
        if source["network"]["name"] != experiments[name]["network"]["name"]:
            raise ConfigError(
                f"config: {where}.experiment: {start['experiment']} has the network {source['network']['name']}"
            )
        if start["experiment"] in seen:
            raise ConfigError(f"config: {where}: experiments that start from one another: {', '.join(seen)}")
        seen.append(start["experiment"])
        start = source["init_from"]


def _check_checkpoints(experiments: Block, name: str) -> None:
    """Raise unless an experiment that trains nothing takes the networks of one that would train the same."""
    where, owner = f"experiments.{name}.checkpoints_of", experiments[name]["checkpoints_of"]
    if owner is None:
        return
    _check_name(owner, experiments, where, "experiment")
    own, theirs = experiments[name], experiments[owner]
    if theirs["checkpoints_of"] is not None:
        raise ConfigError(f"config: {where}: {owner} trains nothing; name {theirs['checkpoints_of']}")
    free = ("checkpoints_of", "inference", "validation", "val", "seeds")
    other = next((key for key in own if key not in free and own[key] != theirs[key]), None)
    if other is not None:
        raise ConfigError(f"config: {where}: {owner} has another {other}, and so other networks")
    if not set(own["seeds"]) <= set(theirs["seeds"]):
        raise ConfigError(f"config: {where}: {owner} has the seeds {theirs['seeds']} only")


def _check_gpus(name: str, training: Block) -> None:
    """Raise unless each GPU has an image of every batch."""
    gpus, batch = training["gpus"], training["batch"]
    if gpus > batch:
        raise ConfigError(f"config: experiments.{name}.training.gpus: {gpus} have no image each in a batch of {batch}")


def _check_name(name: str, known: Mapping[str, Any], where: str, kind: str) -> None:
    if name not in known:
        raise ConfigError(f"config: {where}: '{name}' is no {kind}; known are {', '.join(known)}{_near(name, known)}")


def _message(error: ValidationError) -> str:
    """One line that names the key and says what was expected and what was got."""
    where = ".".join(str(part) for part in error.absolute_path) or "config.yaml"
    schema: Block = dict(error.schema)  # type: ignore[arg-type]
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = schema["properties"]
        unknown = next(key for key in error.instance if key not in known)
        return f"config: {where}.{unknown}: unknown key{_near(unknown, known) or '; known are ' + ', '.join(known)}"
    if error.validator == "required":
        missing = next(key for key in schema["required"] if key not in dict(error.instance))  # type: ignore[arg-type]
        return f"config: {where}: the key '{missing}' is missing"
    hint = ""
    if error.validator == "type" and isinstance(error.instance, str) and _is_number(error.instance):
        hint = " (YAML takes it for text: write it with a dot, for instance 1.0e-3)"
    return f"config: {where}: {error.message}{hint}"


def _near(name: str, known: Mapping[str, Any]) -> str:
    return did_you_mean(nearest(name, known, 1))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
