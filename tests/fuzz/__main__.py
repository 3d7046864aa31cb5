"""`make fuzz`: broken files against every reader; exits with 1 if one does anything but read right or refuse.

One input alone, which a failure names: `python tests/fuzz --seed 0 --only png --first 117 --count 1 --here`.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

from runner import SECONDS, peak, run
from targets import TARGETS

SHOWN = 5  # failures of a reader that are printed


def main() -> None:
    """Give each reader a process, whose libraries and memory are its own: one that dies takes nothing with it."""
    args = arguments()
    if args.here:
        here(args)
    shares = sum(TARGETS[name].share for name in args.only)
    dead, total = 0, Counter()
    for name in args.only:
        count, start = math.ceil(args.count * TARGETS[name].share / shares), time.monotonic()
        options = {"seed": args.seed, "only": name, "first": args.first, "count": count}
        command = [sys.executable, str(Path(__file__).parent), "--here"]
        command += [str(part) for key, value in options.items() for part in (f"--{key}", value)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        *failures, last = done.stdout.splitlines() or [""]
        if not last.startswith("{"):
            dead += 1
            print(f"{name}: the process died ({done.returncode})", *failures, last, sep="\n", flush=True)
            continue
        summary = json.loads(last)
        total.update(summary["outcomes"])
        seconds, memory = time.monotonic() - start, summary["peak"] / 2**20
        print(f"{name}: {summary['outcomes']}, {memory:.0f} MiB, {seconds:.0f} s", *failures, sep="\n", flush=True)
    print(f"seed {args.seed}: {total.total():,} inputs, {dict(total)}, {dead} processes died")
    sys.exit(1 if dead or total["failed"] else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of all inputs")
    parser.add_argument("--count", type=int, default=20_000, help="inputs, dealt out over the readers by their shares")
    parser.add_argument("--first", type=int, default=0, help="number of each reader's first input")
    parser.add_argument("--only", nargs="*", choices=TARGETS, default=list(TARGETS), help="these readers")
    parser.add_argument("--here", action="store_true", help=f"in this process; {SECONDS} s an input")
    return parser.parse_args()


def here(args: argparse.Namespace) -> None:
    """Feed the readers in this process; prints failures, then what became of all in one line of JSON."""
    warnings.simplefilter("ignore")
    outcomes: Counter[str] = Counter()
    shares = sum(TARGETS[name].share for name in args.only)
    for name in args.only:
        count = math.ceil(args.count * TARGETS[name].share / shares)
        for number, result, text in run(name, args.seed, range(args.first, args.first + count)):
            outcomes[result] += 1
            if result == "failed" and outcomes["failed"] <= SHOWN:
                print(f"  {name} {number}: {' | '.join(text.strip().splitlines()[-7:])[:1000]}", flush=True)
    print(json.dumps({"peak": peak(), "outcomes": dict(outcomes)}))
    sys.exit(1 if outcomes["failed"] else 0)


if __name__ == "__main__":
    main()
