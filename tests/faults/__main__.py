"""`make faults`: disturbed runs of the tiny demo; after each, a plain rerun must give the bytes of an undisturbed run.

One round alone, which a loss names: `python tests/faults --seed 0 --first 17 --rounds 1`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("", "workflow")]  # as pytest has it

from disturbances import AS_ROOT, DISTURBANCES, LostError, Round  # noqa: E402
from workflow_runs import contents  # noqa: E402

PYTHONS_OWN = "Fatal Python error: init_import_site"  # of Ctrl-C while Python starts, before any code of ours runs
FROM_NOTHING = 0.25  # of the rounds; the others start where the data and the proposals are made


def main() -> None:
    """Run the rounds and count the lost ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of all rounds")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument("--only", choices=[*DISTURBANCES, *AS_ROOT], nargs="*", help="these disturbances")
    parser.add_argument(
        "--reference", type=Path, help="folder of an undisturbed run: made if it is not there, and kept"
    )
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # started in the background, it would be ignored by all
    kinds = {**DISTURBANCES, **(AS_ROOT if os.geteuid() == 0 else {})}
    chosen = args.only or list(kinds)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        reference = args.reference or Path(temporary) / "reference"
        if not (reference / "results").exists():
            reference.mkdir(parents=True, exist_ok=True)
            if Round(reference, np.random.default_rng(0), 0).run() != 0:
                sys.exit(f"the undisturbed run failed: {reference}.txt")
        expected = contents(reference)
        for number in range(args.first, args.first + args.rounds):
            random = np.random.default_rng([args.seed, number])
            kind, start = chosen[number % len(chosen)], time.monotonic()
            folder = Path(temporary) / f"round-{number}"
            try:
                one(Round(folder, random, prepare(reference, folder, random)), kinds[kind], expected)
                counts["mended"] += 1
                state = "mended"
            except LostError as error:
                counts["lost"] += 1
                state = f"LOST: {error}\n{tail(folder)}"
            print(f"{number}: {kind}: {state} ({time.monotonic() - start:.0f} s)", flush=True)
            clear(folder)
    print(f"seed {args.seed}: {counts.total()} disturbed runs, {counts['mended']} mended, {counts['lost']} lost")
    sys.exit(1 if counts["lost"] else 0)


def prepare(reference: Path, folder: Path, random: np.random.Generator) -> int:
    """The folder of a round; how many jobs are left to do in it."""
    jobs = len(list(reference.glob("results/logs/**/*.log")))
    if random.random() < FROM_NOTHING:
        folder.mkdir()
        return jobs
    shutil.copytree(reference, folder)
    shutil.rmtree(folder / "results/demo_semi")
    shutil.rmtree(folder / "results/logs")
    return len(list(reference.glob("results/logs/**/demo_semi/**/*.log")))


def one(round_: Round, disturb, expected: dict[str, bytes]) -> None:
    """Disturb, run again as a user would, compare."""
    disturb(round_)
    for path in round_.folder.glob("results/logs/**/*.log"):
        said = path.read_text()
        if "Traceback" in said and PYTHONS_OWN not in said:
            raise LostError(f"a traceback in {path}: {said[-2000:]}")
    if round_.run("--unlock") != 0 or round_.run() != 0:
        raise LostError("the plain rerun did not end well")
    round_.wait_for_orphans()
    found = contents(round_.folder)
    wrong = sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))
    if wrong:
        raise LostError(f"other bytes than in an undisturbed run: {', '.join(wrong[:5])}")
    left = list(round_.folder.glob("results/**/.*.partial"))
    if left:
        raise LostError(f"half-written: {left[0]}")


def tail(folder: Path) -> str:
    """The end of what Snakemake said."""
    output = folder.with_name(f"{folder.name}.txt")
    return "\n".join(output.read_text().splitlines()[-30:]) if output.exists() else ""


def clear(folder: Path) -> None:
    """Remove a round's folder and what was mounted there."""
    if os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", folder], check=True)
    for path in (folder, folder.with_name("whole")):
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
