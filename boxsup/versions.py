"""One integer a stage, a parameter of its rule: raise it when the stage's results change, and its outputs are remade.

Editing the package triggers nothing by itself: a comment must not cost a cluster days. The tests named `golden` fail
when results change.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

STAGE_VERSIONS = {
    "shapes": 1,
    "download": 1,
    "inventory": 1,
    "catalogue": 3,
    "join": 1,
    "proposals": 3,
    "proposal-evaluation": 1,
    "proposal-report": 2,
    "overlaps": 1,
    "fixed-masks": 2,
    "labels": 5,
    "label-quality": 4,
    "network": 2,
    "epoch": 2,
    "validate": 2,
    "predictions": 4,
    "labelling": 1,
    "comp6": 1,
    "evaluation": 3,
    "masks": 1,
    "export": 1,
    "crf-search": 2,
    "search": 2,
    "trimap": 2,
    "trimap-plot": 3,
    "report": 6,
    "paper": 4,
}


def provenance(stage: str, *packages: str, network: bool = True) -> dict[str, Any]:
    """What made a store: the stage's number, versions of boxsup and of `packages`, and the processor's instructions.

    Args:
        stage: Its name in STAGE_VERSIONS.
        packages: What its results depend on.
        network: Whether torch has worked, if it is among them.
    """
    from boxsup.machine.instructions import (
        instructions,  # imports NumPy, and a configuration needs the numbers above alone
    )

    versions = {name: version(name) for name in ("boxsup", *packages)}
    made_with = instructions(network and "torch" in packages)
    return {"stage": STAGE_VERSIONS[stage], **versions, "instructions": made_with}
