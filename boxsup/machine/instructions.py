"""Which of a processor's instructions results were computed with: with others, the last bits are others.

Torch and NumPy choose among several kernels by what the processor has (AVX2, AVX-512 …), and these sum in other orders.
ATEN_CPU_CAPABILITY and NPY_DISABLE_CPU_FEATURES let a processor use less than it has.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping

import numpy as np

LEVELS = {"AVX512": ("AVX512", "X86_V4"), "AVX2": ("AVX2", "X86_V3")}  # level -> what NumPy's features begin with


def instructions(network: bool = True) -> dict[str, str]:
    """The levels that NumPy and torch work with in this process: library -> level; `network`: whether torch counts."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    levels = {"numpy": next((name for name in LEVELS if any(own.startswith(LEVELS[name]) for own in found)), "basic")}
    if network:
        import torch  # costs seconds that stages without a network need not pay

        levels["torch"] = torch.backends.cpu.get_cpu_capability()
    return {library: f"{platform.machine()} {level}" for library, level in levels.items()}


def warn_of_other_instructions(made: object, what: str) -> None:
    """Say so where something was computed with other instructions than those of this process.

    Args:
        made: `instructions` of what made it, as far as they were recorded.
        what: Its name for people.
    """
    if not isinstance(made, Mapping):
        return
    here = instructions("torch" in made)
    for library in sorted(here.keys() & made.keys()):
        if here[library] != made[library]:
            print(
                f"warning: {what} was made with {made[library]} of {library}, this goes on with {here[library]}: the "
                "last bits, and what follows from them, are not those of one machine",
                file=sys.stderr,
            )
