"""Records what a store was made with, for its attributes."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from boxsup.machine.instructions import instructions
from boxsup.stages import STAGES
from boxsup.version import VERSION


def provenance(stage: str, *packages: str, network: bool = True) -> dict[str, Any]:
    """What made a store: the stage's number, versions of boxsup and of `packages`, and the processor's instructions.

    Args:
        stage: Name of the stage in `boxsup.stages`.
        *packages: Names of the distributions that the store's bytes depend on.
        network: Whether a network was run, if torch is among the packages.

    Example:
        >>> list(provenance("overlaps", "numpy"))
        ['stage', 'boxsup', 'numpy', 'instructions']
    """
    versions = {name: _installed(name) for name in packages}
    made_with = instructions(network and "torch" in packages)
    return {"stage": STAGES[stage].version, "boxsup": VERSION, **versions, "instructions": made_with}


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # optional, and the store was made without it
        return "none"
