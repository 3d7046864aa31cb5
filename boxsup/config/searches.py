"""Searches: all combinations of some settings of an experiment, each run and scored on held-out images.

The paper chooses λ and k in this way, on 100 random images of val (section 5).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from boxsup.errors import ConfigError

Block = dict[str, Any]


def with_points(experiments: Mapping[str, Any], searches: Mapping[str, Any]) -> tuple[Block, Block]:
    """Add an experiment for each point of each search, that is, for each combination of the values to try.

    Args:
        experiments: Name -> settings, every one of them.
        searches: Name -> `experiment` (a name), `held_out`, `held_out_seed`, and `values`: the values to try, by the
            keys of a setting joined by dots (`update.lambda`).

    Returns:
        The experiments, with those of points, which are called `SEARCH_1`, `SEARCH_2`, …; and for each search its
        `experiment` and its `points`, each with the name of its `experiment` and its `values`. The last key varies
        fastest. Where only settings of inference are tried, the points use the networks of the experiment that is
        varied, as by `checkpoints_of`: they would train the same ones.

    Raises:
        ConfigError: A key to try is not a setting of an experiment, or a point has the name of another experiment.
    """
    all_experiments, resolved = dict(experiments), {}
    for name, search in searches.items():
        where = f"config: searches.{name}"
        base = experiments[search["experiment"]]
        held_out = {key: search[key] for key in ("held_out", "held_out_seed")}
        trained = {}
        if all(key.startswith("inference.") for key in search["values"]):
            trained = {"checkpoints_of": base["checkpoints_of"] or search["experiment"]}
        points = []
        for number, values in enumerate(itertools.product(*search["values"].values()), start=1):
            point, changes = f"{name}_{number}", dict(zip(search["values"], values, strict=True))
            if point in all_experiments:
                raise ConfigError(f"{where}: an experiment is named {point}, as one of its points; choose another name")
            all_experiments[point] = {**deepcopy(base), **trained, "validation": {**base["validation"], **held_out}}
            for key, value in changes.items():
                _set(all_experiments[point], key, value, f"{where}.values.{key}")
            points.append({"experiment": point, "values": changes})
        resolved[name] = {"experiment": search["experiment"], "points": points}
    return all_experiments, resolved


def _set(experiment: Block, key: str, value: Any, where: str) -> None:  # noqa: ANN401 - any setting
    *parents, last = key.split(".")
    block: Any = experiment
    for parent in parents:
        block = block.get(parent) if isinstance(block, dict) else None
    if not isinstance(block, dict) or last not in block:
        raise ConfigError(f"{where}: an experiment has no such key")
    block[last] = value
