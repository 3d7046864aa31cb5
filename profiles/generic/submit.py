#!/usr/bin/env python3
"""Submit the job script that Snakemake gives as the argument, and print the id that the scheduler gives it."""

import json
import re
import subprocess
import sys
from pathlib import Path


def command(name: str, log: str, threads: int, memory: int, minutes: int, gpus: int) -> list[str]:
    """What submits a job script that comes as one more argument: Slurm's; put another scheduler's here.

    Args:
        name: Of the job, for people.
        log: File for what it prints.
        threads: Processors.
        memory: MB.
        minutes: That it may run.
        gpus: 0 for most jobs.
    """
    submit = ["sbatch", "--parsable", f"--job-name={name}", f"--output={log}", f"--cpus-per-task={threads}"]
    submit += [f"--mem={memory}", f"--time={minutes}"]
    return [*submit, f"--gpus={gpus}"] if gpus else submit


def main() -> None:
    """See above."""
    script = Path(sys.argv[1])
    job = json.loads(re.search(r"^# properties = (.*)$", script.read_text(), re.MULTILINE)[1])
    asked = job["resources"]
    name = "-".join([job.get("rule") or job["groupid"], *job.get("wildcards", {}).values()])
    logs = Path(".snakemake/cluster_logs").absolute()
    logs.mkdir(parents=True, exist_ok=True)
    submit = command(name, f"{logs}/{name}.log", job["threads"], asked["mem_mb"], asked["runtime"], asked.get("gpu", 0))
    print(subprocess.run([*submit, str(script)], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


if __name__ == "__main__":
    main()
