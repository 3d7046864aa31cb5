#!/usr/bin/env python3
"""Print `running`, `success` or `failed` for the job whose id Snakemake gives as the argument."""

import re
import subprocess
import sys

FAILED = ("BOOT_FAIL", "CANCELLED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT")


def state(job: str) -> str:
    """What the scheduler calls the job's state, or "" if it knows nothing of it: Slurm's words; put another's here."""
    recent = subprocess.run(["scontrol", "show", "job", job], capture_output=True, text=True)
    found = re.search(r"JobState=(\w+)", recent.stdout)
    if found is None:  # ended some minutes ago: only the accounting, where there is one, remembers
        past = ["sacct", "--jobs", job, "--allocations", "--noheader", "--parsable2", "--format=State"]
        found = re.search(r"(\w+)", subprocess.run(past, capture_output=True, text=True).stdout)
    return found[1] if found else ""


def main() -> None:
    """See above."""
    found = state(sys.argv[1])
    # A scheduler that does not answer for a moment is asked again.
    print("success" if found == "COMPLETED" else "failed" if found in FAILED else "running")


if __name__ == "__main__":
    main()
