"""The environment variables that a command works under, whatever it is started with; set before numpy is there."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

# What others say of threads. Torch's kernels wait for as many as they asked for, and with fewer (OMP_THREAD_LIMIT=1,
# OMP_DYNAMIC=true, OMP_MAX_ACTIVE_LEVELS=0) they wait for ever; bound to one core, they take turns.
THREADS = ("OMP_", "GOMP_", "KMP_")
KEPT = ("OMP_WAIT_POLICY",)
ONE_THREAD = {
    # One thread for numpy's BLAS, whatever Snakemake exports: its sums, and so near ties, must not depend on --cores.
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MKL_DYNAMIC": "FALSE",
    # Torch starts on one thread; stages that use more say how many. Contours are found on one, and changing costs time.
    "OMP_NUM_THREADS": "1",
    "OMP_DYNAMIC": "FALSE",
}
UNLESS_GIVEN = {
    # Torch's threads sleep while they wait: spinning, they take the cores from the process that they wait for.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Torch keeps the compiled kernels of every size of image, 1,024 of them; 256 hold a step's and 80 MB less.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256",
}
# Said by a process of Python's own that cleans up after one that was stopped, of which nobody needs to know.
QUIET = "ignore:resource_tracker:UserWarning"


def settle(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let results, and whether there are any, not depend on what the environment says of threads.

    What chooses instructions stays as it is (ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA, MKL_CBWR): it is how people make
    machines agree.
    """
    for name in [name for name in environment if name.startswith(THREADS) and name not in KEPT]:
        del environment[name]
    environment.pop("MKL_DOMAIN_NUM_THREADS", None)
    environment.update(ONE_THREAD)
    for name, value in UNLESS_GIVEN.items():
        environment.setdefault(name, value)
    given = environment.get("PYTHONWARNINGS", "")
    if QUIET not in given:
        environment["PYTHONWARNINGS"] = ",".join(filter(None, (given, QUIET)))
