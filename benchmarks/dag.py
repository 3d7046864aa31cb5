"""How long Snakemake takes to plan the whole paper: every experiment of config.yaml but the demo's, in an empty folder.

Prints seconds of a dry run, its jobs, and the ratio to the limit that is wanted, 15 s.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
LIMIT = 15.0  # s


def main() -> None:
    config = ROOT / "config.yaml"
    names = [name for name in yaml.safe_load(config.read_text())["experiments"] if not name.startswith("demo_")]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", folder]
        command += ["--configfile", str(config), "--cores", "2", "--dry-run", "--quiet", "all", "--"]
        start = time.perf_counter()
        run = subprocess.run(
            [*command, *(f"results/{name}/report.html" for name in names)], check=True, capture_output=True, text=True
        )
        seconds = time.perf_counter() - start
    usage = os.times()
    jobs = re.findall(r"^total +(\d+)$", run.stdout + run.stderr, re.MULTILINE)[-1]
    print(f"{len(names)} experiments, {jobs} jobs: {', '.join(names)}")
    print(f"{seconds:.1f} s, {usage.children_user + usage.children_system:.1f} s of them on a core")
    print(f"limit / seconds: {LIMIT / seconds:.2f}")


if __name__ == "__main__":
    main()
