"""What made a store, kept in its attributes."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from boxsup.machine.instructions import instructions
from boxsup.stages import STAGES


def provenance(stage: str, *packages: str, network: bool = True) -> dict[str, Any]:
    """What made a store: the stage's number, versions of boxsup and of `packages`, and the processor's instructions.

    Args:
        stage: Its name in `boxsup.stages`.
        packages: What its results depend on.
        network: Whether torch has worked, if it is among them.
    """
    versions = {name: version(name) for name in ("boxsup", *packages)}
    made_with = instructions(network and "torch" in packages)
    return {"stage": STAGES[stage].version, **versions, "instructions": made_with}
