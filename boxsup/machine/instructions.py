"""Which instructions of the processor results were computed with: the last bits of results depend on them.

Torch and NumPy choose among several kernels by what the processor has (AVX2, AVX-512 …), and each kernel sums in an
order of its own. ATEN_CPU_CAPABILITY and NPY_DISABLE_CPU_FEATURES restrict what they use.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping

import numpy as np

LEVELS = {"AVX512": ("AVX512", "X86_V4"), "AVX2": ("AVX2", "X86_V3")}  # level -> how NumPy's names of it begin


def instructions(network: bool = True) -> dict[str, str]:
    """The instructions that NumPy and torch use in this process.

    Args:
        network: Whether to include torch; stages without a network need not import it.

    Returns:
        Library -> processor and level, for instance {"numpy": "x86_64 AVX2"}.
    """
    features = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    found = (level for level, prefixes in LEVELS.items() if any(feature.startswith(prefixes) for feature in features))
    levels = {"numpy": next(found, "basic")}
    if network:
        import torch  # takes seconds

        levels["torch"] = torch.backends.cpu.get_cpu_capability()
    return {library: f"{platform.machine()} {level}" for library, level in levels.items()}


def warn_of_other_instructions(recorded: object, name: str) -> None:
    """Print a warning if something was computed with other instructions than this process uses.

    Args:
        recorded: The `instructions` that were recorded with it; anything else if none were.
        name: What to call it in the warning.
    """
    if not isinstance(recorded, Mapping):
        return
    here = instructions("torch" in recorded)
    for library in sorted(here.keys() & recorded.keys()):
        if here[library] != recorded[library]:
            print(
                f"warning: {name} was made with {recorded[library]} of {library}, this goes on with {here[library]}: "
                "the last bits, and what follows from them, are not those of one machine",
                file=sys.stderr,
            )
