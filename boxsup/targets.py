"""Explains targets that no rule makes, such as mistyped names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from boxsup.experiments.tree import RESULTS, ExperimentFolder, search_table
from boxsup.near import did_you_mean, nearest


def explain(target: str, config: Mapping[str, Any]) -> str:
    """Say in one line which name in a target is unknown, and which known names resemble it.

    Args:
        target: What the user asked Snakemake for: a path or a word.
        config: The resolved configuration; see `boxsup.config.resolve`.
    """
    parts = PurePosixPath(target).parts
    if parts[:1] != RESULTS.parts or len(parts) < 2:
        return f"{target}: neither a rule nor a result{did_you_mean(_reports(parts, config))}"
    for kind, name, known in _names(parts[1:], config):
        if name not in known:
            near = did_you_mean([target.replace(name, other) for other in nearest(name, known)])
            others = "names of another configuration need its --configfile"
            return f"{target}: '{name}' is none of the {kind}, which are {', '.join(known)}; {others}{near}"
    return f"{target}: no rule makes it{did_you_mean(_reports(parts, config))}"


def _names(parts: Sequence[str], config: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """The names in a path below `results`: for each one what it names, the name, and the known names."""
    if parts[0] == "data" and len(parts) > 1:
        return _data_names(parts[1:], config)
    points = {point["experiment"] for search in config["searches"].values() for point in search["points"]}
    experiments = [name for name in config["experiments"] if name not in points]
    if parts[0] == "trimap" and len(parts) == 2:
        return [("experiments", name, experiments) for name in parts[1].removesuffix(".html").split("+")]
    if parts[0] in config["experiments"]:
        return []
    if parts[1:] == (search_table(parts[0]).name,):
        return [("searches", parts[0], list(config["searches"]))]
    others = [*config["searches"], *config["pages"]]
    return [("experiments, searches and pages", parts[0], [*experiments, *others])]


def _data_names(parts: Sequence[str], config: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    names = [("data sets", parts[0], list(config["datasets"]))]
    if len(parts) > 2 and parts[0] in config["datasets"]:
        names.append((f"splits of {parts[0]}", parts[1], list(config["datasets"][parts[0]]["splits"])))
    if len(parts) > 4 and parts[2] in ("proposals", "overlaps"):
        names.append(("proposals", parts[3], list(config["proposals"])))
    return names


def _reports(parts: Sequence[str], config: Mapping[str, Any]) -> list[str]:
    """Pages that were probably meant by a word, or by a wrong file in the folder of an experiment."""
    known = [*config["experiments"], *config["pages"]]
    near = (nearest(part, known) for part in parts if part not in (*RESULTS.parts, "data"))
    return [ExperimentFolder(name).report.as_posix() for names in near for name in names]
