"""The environment variables that a command works under, whatever it is started with; set before numpy is there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

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


def set_environment() -> None:
    """Let results, and whether there are any, not depend on what the environment says of threads and of a home.

    What chooses instructions stays as it is (ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA, MKL_CBWR): it is how people make
    machines agree.
    """
    _settle_threads()
    _settle_home()
    given = os.environ.get("PYTHONWARNINGS", "")
    if QUIET not in given:
        os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (given, QUIET)))


def user_temp_folder() -> Path | None:
    """A folder of this user's alone for what can be made again; None where there is no place for one."""
    import tempfile  # costs time that most commands need not pay

    try:
        parent = Path(tempfile.gettempdir())
        if parent == Path.cwd():  # nothing else can be written to
            return None
        folder = parent / f"boxsup-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return folder if own and found.st_mode & 0o722 == 0o700 else None  # for nobody else to write to


def _settle_threads() -> None:
    for name in [name for name in os.environ if name.startswith(THREADS) and name not in KEPT]:
        del os.environ[name]
    os.environ.pop("MKL_DOMAIN_NUM_THREADS", None)
    os.environ.update(ONE_THREAD)
    for name, value in UNLESS_GIVEN.items():
        os.environ.setdefault(name, value)


def _settle_home() -> None:
    """Of a user without a home, or with one that cannot be written to, as in a container with any user id."""
    if os.path.expanduser("~") == "~":
        os.environ["HOME"] = "/"  # else libraries make a folder called `~` in the current one
    if os.access(os.path.expanduser("~"), os.W_OK):
        return
    folder = None if "MPLCONFIGDIR" in os.environ or "XDG_CONFIG_HOME" in os.environ else user_temp_folder()
    if folder is not None:
        os.environ["MPLCONFIGDIR"] = str(folder / "matplotlib")
