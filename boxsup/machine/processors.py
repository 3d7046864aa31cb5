"""How many processors this process may run on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def processors() -> int:
    """How many processors this process may run on, at least 1: by its affinity, and by the quota of its control group.

    A machine may have more: taskset, a scheduler or a container takes some of them away.
    """
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1  # macOS lacks it
    return max(1, int(min(there, group_quota(Path("/proc/self/cgroup"), CGROUPS))))


def note_few_processors(threads: int) -> None:
    """Print a line if there are fewer processors than torch's threads, whose number is a setting: results depend on it.

    The threads then take turns, and sleep while they wait (`boxsup.machine.environment`): slower, with the same bytes.
    """
    if (there := processors()) < threads:
        print(
            f"note: {threads} threads of torch share {there} processor{'s' * (there > 1)}, as training.threads says: "
            "slower than with as many threads as processors, with the same results anywhere",
            file=sys.stderr,
        )


def group_quota(own: Path, root: Path) -> float:
    """The processors that control groups allow.

    Args:
        own: The file that names the control groups of a process.
        root: Where the file system of control groups is.

    Returns:
        The least quota of the process's group and of those that it is in; infinite without one.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return float("inf")
    least = float("inf")
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / controllers if controllers else root  # version 1 has a tree for its controllers, version 2 one
        folder = top / path.lstrip("/")
        for group in (folder, *folder.parents):
            least = min(least, _quota_of(group))
            if group == top:
                break
    return least


def _quota_of(group: Path) -> float:
    """The quota of one group: microseconds of processors in a period, by the length of the period."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return float("inf") if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
    except (OSError, ValueError):
        return float("inf")
