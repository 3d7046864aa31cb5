"""The proposal methods by name. Each is imported only when it is asked for: some need torch, which costs seconds."""

from __future__ import annotations

import importlib
import json
from typing import Any

from boxsup.config import proposals as known
from boxsup.config.build import build
from boxsup.config.proposals import ProposalSettings
from boxsup.errors import ConfigError
from boxsup.proposals.selection import Proposer

IMAGES = ("opencv-contrib-python-headless", "scipy", "numba")

# Method: its settings, the module whose `proposer(settings)` makes its `Proposer`, and packages its results depend on.
METHODS: dict[str, tuple[type[ProposalSettings], str, tuple[str, ...]]] = {
    "mcg": (known.McgSettings, "boxsup.proposals.mcg", (*IMAGES, "higra", "torch")),
    "geodesic": (known.GeodesicSettings, "boxsup.proposals.geodesic", (*IMAGES, "higra", "torch")),
    "selective_search": (known.SelectiveSearchSettings, "boxsup.proposals.selective_search", IMAGES),
    "imported": (known.ImportedSettings, "boxsup.proposals.imported", ("scipy",)),
}


def parse_settings(text: str) -> ProposalSettings:
    """A method's settings from the JSON that a rule passes.

    Raises:
        ConfigError: The text is not a JSON object, the method is unknown, or a key is missing, unknown or of a wrong
            type.
    """
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"settings: not JSON ({error})") from error
    return build_settings(values, "settings")


def build_settings(values: Any, where: str) -> ProposalSettings:  # noqa: ANN401 - JSON
    """A method's settings from parsed JSON; see `parse_settings`."""
    method = values.get("method") if isinstance(values, dict) else None
    if method not in METHODS:
        raise ConfigError(f"{where}.method: expected one of {', '.join(METHODS)}, got {method!r}")
    return build(METHODS[method][0], values, where)


def make_proposer(settings: ProposalSettings) -> Proposer:
    """The method that the settings name, ready to take images."""
    proposer: Proposer = importlib.import_module(METHODS[settings.method][1]).proposer(settings)
    return proposer


def packages(method: str) -> tuple[str, ...]:
    """What a method's results depend on beside NumPy, by the names of the distributions."""
    return METHODS[method][2]
