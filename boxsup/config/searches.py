"""Searches: an experiment's settings tried in all combinations, each a run, and scored on held-out images.

The paper sets λ and k so, on 100 random images of val (section 5).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from boxsup.errors import ConfigError

Block = dict[str, Any]


def with_points(experiments: Mapping[str, Any], searches: Mapping[str, Any]) -> tuple[Block, Block]:
    """The experiments and, for each combination of a search's values, one more: `{search}_1` and so on.

    Args:
        experiments: Each with every key that `defaults` has.
        searches: `config.yaml`, `searches`: name -> `experiment`, one of them, `held_out`, `held_out_seed` and
            `values`, those to try by dotted key (`update.lambda`).

    Returns:
        The experiments, and by name of search its `experiment` and `points`: a list of `experiment`, the name of the
        one of this point, and `values`, by dotted key. The last key varies fastest.

    Raises:
        ConfigError: A search names no key of an experiment, or a point has the name of one.
    """
    every, resolved = dict(experiments), {}
    for name, search in searches.items():
        where = f"config: searches.{name}"
        base = experiments[search["experiment"]]
        held_out = {key: search[key] for key in ("held_out", "held_out_seed")}
        points = []
        for number, values in enumerate(itertools.product(*search["values"].values()), start=1):
            point, own = f"{name}_{number}", dict(zip(search["values"], values, strict=True))
            if point in every:
                raise ConfigError(f"{where}: an experiment is named {point}, as one of its points; choose another name")
            every[point] = {**deepcopy(base), "validation": {**base["validation"], **held_out}}
            for key, value in own.items():
                _set(every[point], key, value, f"{where}.values.{key}")
            points.append({"experiment": point, "values": own})
        resolved[name] = {"experiment": search["experiment"], "points": points}
    return every, resolved


def _set(experiment: Block, key: str, value: Any, where: str) -> None:  # noqa: ANN401 - any setting
    *parents, last = key.split(".")
    block: Any = experiment
    for parent in parents:
        block = block.get(parent) if isinstance(block, dict) else None
    if not isinstance(block, dict) or last not in block:
        raise ConfigError(f"{where}: an experiment has no such key")
    block[last] = value
