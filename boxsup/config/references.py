"""Checks the names in a configuration that refer to its data sets, splits, experiments and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from boxsup.config.fields import stage_settings
from boxsup.config.proposals import MEGAPIXELS
from boxsup.config.published import name_in_family, published_experiments
from boxsup.config.training import POOLING, NetworkSettings, network_name
from boxsup.errors import ConfigError
from boxsup.near import did_you_mean, nearest

Block = dict[str, Any]


def check_references(config: Block) -> None:
    """Raise a ConfigError if a name in a data set, an experiment or a page refers to nothing that fits.

    Args:
        config: A configuration that passed the models, with the points of searches among its experiments.
    """
    for name, dataset in config["datasets"].items():
        if "proposals_of" in dataset:
            _check_owner(config["datasets"], name)
    for name, experiment in config["experiments"].items():
        _check_names(config, name, experiment)
        _check_start(config["experiments"], name)
        _check_checkpoints(config["experiments"], name)
        _check_gpus(name, experiment["training"])
        _check_network(name, experiment["network"])
        _check_batch(name, experiment["network"], experiment["training"])
    for name in config["pages"]:
        _check_page(config, name)


def check_name(name: str, known: Mapping[str, Any], where: str, kind: str) -> None:
    """Raise a ConfigError unless a name is known; it lists the known names and suggests the nearest."""
    if name not in known:
        near = did_you_mean(nearest(name, known, 1))
        raise ConfigError(f"config: {where}: '{name}' is no {kind}; known are {', '.join(known)}{near}")


def common_classes(datasets: Block, name: str) -> list[str]:
    """The classes of a union's parts; raises a ConfigError if they differ, or if a part does not exist."""
    classes: list[str] = []
    known = {key: dataset for key, dataset in datasets.items() if dataset["format"] != "union"}
    for split, parts in datasets[name]["splits"].items():
        where = f"datasets.{name}.splits.{split}"
        for dataset, _, part in (name.partition("/") for name in parts):
            check_name(dataset, known, where, "data set that a union can join")
            check_name(part, known[dataset]["splits"], where, f"split of {dataset}")
            classes = classes or known[dataset]["classes"]
            if known[dataset]["classes"] != classes:
                raise ConfigError(
                    f"config: {where}: {dataset} has other classes, or in another order, than other parts"
                )
    return classes


def _check_names(config: Block, name: str, experiment: Block) -> None:
    """Raise if an experiment names a data set, a split or proposals that do not exist."""
    where = f"experiments.{name}"
    check_name(experiment["dataset"], config["datasets"], f"{where}.dataset", "data set")
    check_name(experiment["proposals"], config["proposals"], f"{where}.proposals", "proposals")
    splits = config["datasets"][experiment["dataset"]]["splits"]
    for key in ("train", "val"):
        check_name(experiment[key], splits, f"{where}.{key}", f"split of {experiment['dataset']}")
    masks = experiment["supervision"]["masks"]
    if masks not in ("none", "all"):
        check_name(masks, splits, f"{where}.supervision.masks", f"none, all or a split of {experiment['dataset']}")
    supervision = experiment["supervision"]
    if supervision["reviewed"] and (supervision["boxes"] != "boxsup" or masks == "all"):
        raise ConfigError(
            f"config: {where}.supervision.reviewed: needs boxes that choose (boxes: boxsup, masks: not all)"
        )


def _check_page(config: Block, name: str) -> None:
    """Raise unless a page has a name that no experiment has, and experiments to show."""
    if name in config["experiments"]:
        raise ConfigError(f"config: pages.{name}: an experiment has this name; choose another, their reports collide")
    families = [family for key in ("full", "small") if (family := config["pages"][name][key])]
    shown = {name_in_family(published, family) for published in published_experiments() for family in families}
    if not shown & set(config["experiments"]):
        raise ConfigError(
            f"config: pages.{name}: no experiment is of '{' or '.join(families)}'; name a family, as demo of demo_box"
        )


def _check_owner(datasets: Block, name: str) -> None:
    """Raise unless a data set can use the proposals of another one: it has the same splits and as many shards."""
    where, owner = f"datasets.{name}.proposals_of", datasets[name]["proposals_of"]
    known = {key: dataset for key, dataset in datasets.items() if dataset["format"] != "union" and key != name}
    check_name(owner, known, where, "other data set")
    if "proposals_of" in known[owner]:
        raise ConfigError(f"config: {where}: {owner} has no proposals of its own; name {known[owner]['proposals_of']}")
    dataset, other = datasets[name], known[owner]
    if dataset["shards"] != other["shards"] or not dataset["splits"].keys() <= other["splits"].keys():
        raise ConfigError(f"config: {where}: {owner} must have the same splits and as many shards")
    if len({each.get("megapixels", MEGAPIXELS) for each in (dataset, other)}) > 1:
        raise ConfigError(f"config: {where}: {owner} must have the same megapixels, since candidates are of that size")


def _check_start(experiments: Block, name: str) -> None:
    """Raise unless an experiment can start from the checkpoint that it names."""
    where, start = f"experiments.{name}.init_from", experiments[name]["init_from"]
    seen = [name]
    while start is not None:
        check_name(start["experiment"], experiments, f"{where}.experiment", "experiment")
        source = experiments[start["experiment"]]
        if start["epoch"] > source["epochs"]:
            raise ConfigError(f"config: {where}.epoch: {start['experiment']} has {source['epochs']} epochs only")
        theirs = network_name(source["network"])
        if theirs != network_name(experiments[name]["network"]):
            raise ConfigError(f"config: {where}.experiment: {start['experiment']} has the network {theirs}")
        if start["experiment"] in seen:
            raise ConfigError(f"config: {where}: experiments that start from one another: {', '.join(seen)}")
        seen.append(start["experiment"])
        start = source["init_from"]


def _check_checkpoints(experiments: Block, name: str) -> None:
    """Raise unless an experiment that trains nothing uses the networks of one that trains as it would."""
    where, owner = f"experiments.{name}.checkpoints_of", experiments[name]["checkpoints_of"]
    if owner is None:
        return
    check_name(owner, experiments, where, "experiment")
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
    """Raise unless there is an image for each GPU in every batch."""
    gpus, batch = training["gpus"], training["batch"]
    if gpus > batch:
        raise ConfigError(f"config: experiments.{name}.training.gpus: {gpus} have no image each in a batch of {batch}")


def _check_network(name: str, network: Block) -> None:
    """Raise if a network that is not of smp has settings of smp's, which would change nothing."""
    given = stage_settings(NetworkSettings, network)
    unused = [key for key in ("decoder", "encoder", "stride") if key in given and network["name"] != "smp"]
    if unused:
        raise ConfigError(
            f"config: experiments.{name}.network.{unused[0]}: {network['name']} has none; write `name: smp` beside it"
        )


def _check_batch(name: str, network: Block, training: Block) -> None:
    """Raise if a network would train on one image at a time that cannot; see `boxsup.network.trial` for the others."""
    if training["batch"] == 1 and network["name"] == "smp" and network["decoder"] in POOLING:
        raise ConfigError(
            f"config: experiments.{name}.training.batch: 1 is too few for {network['decoder']}, which normalises the "
            "mean over an image; set it to 2 or more, or choose another network.decoder"
        )
