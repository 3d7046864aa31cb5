"""Sets the environment variables that a command needs, whatever it was started with, before numpy is imported."""

from __future__ import annotations

import os
import stat
from pathlib import Path

# Variables with these prefixes are removed. Torch's kernels wait for as many threads as they asked for. With fewer
# (OMP_THREAD_LIMIT=1, OMP_DYNAMIC=true, OMP_MAX_ACTIVE_LEVELS=0) they hang; bound to one core, the threads take turns.
THREAD_PREFIXES = ("OMP_", "GOMP_", "KMP_")
KEPT = ("OMP_WAIT_POLICY",)
ONE_THREAD = {
    # One thread for numpy's BLAS, whatever Snakemake exports: its sums must not depend on --cores, since ties do.
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MKL_DYNAMIC": "FALSE",
    # Torch starts with one thread, which suffices for contours; stages that need more set their number.
    "OMP_NUM_THREADS": "1",
    "OMP_DYNAMIC": "FALSE",
    # One thread for OpenCV: images, shards and boxes have processes of their own.
    "OPENCV_FOR_THREADS_NUM": "1",
}
DEFAULTS = {
    # Torch's threads sleep while they wait. Spinning, they would take the cores from the process that they wait for.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Torch keeps 1,024 compiled kernels, some for each image size. 256 suffice for a training step, with 80 MB less.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256",
}
# Python's resource tracker prints a warning when it cleans up after a process that was stopped.
QUIET = "ignore:resource_tracker:UserWarning"


def set_environment() -> None:
    """Make commands independent of what the environment says about threads and the home folder.

    Variables that choose instructions (ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA, MKL_CBWR) stay as they are: people set
    them to make machines agree.
    """
    _set_threads()
    _set_home()
    warnings = os.environ.get("PYTHONWARNINGS", "")
    if QUIET not in warnings:
        os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (warnings, QUIET)))


def user_temp_folder() -> Path | None:
    """A temporary folder that only this user can write to, for caches; None if none can be made."""
    import tempfile  # imported late: most commands do not need it

    try:
        parent = Path(tempfile.gettempdir())
        if parent == Path.cwd():  # Python's last resort: no temporary folder can be written to
            return None
        folder = parent / f"boxsup-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    is_own_folder = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    return folder if is_own_folder and status.st_mode & 0o722 == 0o700 else None  # nobody else can write to it


def _set_threads() -> None:
    for name in [name for name in os.environ if name.startswith(THREAD_PREFIXES) and name not in KEPT]:
        del os.environ[name]
    os.environ.pop("MKL_DOMAIN_NUM_THREADS", None)
    os.environ.update(ONE_THREAD)
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)


def _set_home() -> None:
    """Help a user without a home, or whose home cannot be written to, as in a container with an arbitrary user id."""
    if os.path.expanduser("~") == "~":
        os.environ["HOME"] = "/"  # otherwise libraries make a folder called `~` in the current folder
    if os.access(os.path.expanduser("~"), os.W_OK):
        return
    folder = None if "MPLCONFIGDIR" in os.environ or "XDG_CONFIG_HOME" in os.environ else user_temp_folder()
    if folder is not None:
        os.environ["MPLCONFIGDIR"] = str(folder / "matplotlib")
