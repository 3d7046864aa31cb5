"""What the demo's jobs cost on a machine that is busy with other work, beside what they cost alone.

    python benchmarks/busy.py --processes 8 --epochs 2

Runs the demo through Snakemake twice, cut to a few epochs, each time from nothing in a folder of its own: by itself,
then beside processes that add numbers all the time. The seconds of the clock are compared with the demo's share of the
processors: its seconds of processors are what it got of them. If threads waited by spinning, those would multiply.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SPIN = "while True: sum(range(1000))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8, help="how many others there are [%(default)s]")
    parser.add_argument("--epochs", type=int, default=2, help="epochs of the demo [%(default)s]")
    args = parser.parse_args()
    alone = timed(args.epochs)
    with others(args.processes):
        busy = timed(args.epochs)
    cores = len(os.sched_getaffinity(0))
    for name, (clock, processors) in {"alone": alone, f"beside {args.processes} others": busy}.items():
        print(f"{name}: {clock:.0f} s, {processors:.0f} s of processors, {processors / clock / cores:.0%} of {cores}")
    print(f"ratio of the seconds of processors: {busy[1] / alone[1]:.2f}; of the clock's: {busy[0] / alone[0]:.2f}")


def timed(epochs: int) -> tuple[float, float]:
    """Seconds of the clock and of processors of the demo."""
    demo = {"epochs": epochs, "schedule": {"epochs": epochs, "policy": "poly"}}
    with tempfile.TemporaryDirectory() as folder:
        change = Path(folder) / "few.json"
        change.write_text(json.dumps({"experiments": {"demo_semi": demo}}))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", folder]
        command += ["--configfile", str(ROOT / "config.yaml"), str(change), "--cores", "all"]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run([*command, "--", "results/demo_semi/report.html"], capture_output=True, text=True)
        clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextlib.contextmanager
def others(count: int) -> Iterator[None]:
    """Processes that are busy within a block."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
