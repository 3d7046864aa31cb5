"""`make faults`: disturbed runs of the tiny demo; after each, a plain rerun must give the bytes of an undisturbed run.

And commands by hand, stopped, with a user's files in their way: none of these may be lost or changed.

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

sys.path.insert(0, str(Path(__file__).parents[1]))  # pytest does so too (pyproject.toml, pythonpath)

from by_hand import BY_HAND, BY_HAND_AS_ROOT, UNSEEN, Home, make_home
from disturbances import AS_ROOT, DISTURBANCES, LostError, Round

from helpers.workflow_runs import contents

PYTHONS_OWN = "Fatal Python error: init_import_site"  # of Ctrl-C while Python starts, before any code of ours runs
# A user's files, the last one what a process in another container is writing.
USERS = ["data/demo/notes.txt", "demo_semi/notes.txt", f"demo_semi/{UNSEEN.format(name='report.html', host='other')}"]
FROM_NOTHING = 0.25  # of the rounds; the others start where the data and the proposals are made


def main() -> None:
    """Run the rounds and count the lost ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of all rounds")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument(
        "--only", choices=[*DISTURBANCES, *AS_ROOT, *BY_HAND, *BY_HAND_AS_ROOT], nargs="*", help="these disturbances"
    )
    parser.add_argument(
        "--reference", type=Path, help="folder of an undisturbed run: made if it is not there, and kept"
    )
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # started in the background, it would be ignored by all
    root = os.geteuid() == 0
    kinds, hands = {**DISTURBANCES, **(AS_ROOT if root else {})}, {**BY_HAND, **(BY_HAND_AS_ROOT if root else {})}
    chosen = args.only or [*kinds, *hands]
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        reference, home = args.reference or Path(temporary) / "reference", Path(temporary) / "home"
        expected = undisturbed(reference) if set(chosen) & set(kinds) else {}
        seconds = make_home(home) if set(chosen) & set(hands) else {}
        for number in range(args.first, args.first + args.rounds):
            random = np.random.default_rng([args.seed, number])
            kind, start = chosen[number % len(chosen)], time.monotonic()
            folder = Path(temporary) / f"round-{number}"
            try:
                if kind in hands:
                    hands[kind](Home(shutil.copytree(home, folder), random), seconds)
                else:
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


def undisturbed(reference: Path) -> dict[str, bytes]:
    """What a run gives that nobody disturbs: made if it is not there."""
    if not (reference / "results").exists():
        reference.mkdir(parents=True, exist_ok=True)
        if Round(reference, np.random.default_rng(0), 0).run() != 0:
            sys.exit(f"the undisturbed run failed: {reference}.txt")
    return contents(reference)


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
    """Disturb, run again as a user would, compare; a user's files among the results stay as they are."""
    users = Home(round_.folder, round_.random)
    for name in USERS:
        users.own(round_.folder / "results" / name, round_.random.bytes(99))
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
    users.check(overwritten=False)
    if users.hidden():
        raise LostError(f"half-written: {users.hidden()[0]}")


def tail(folder: Path) -> str:
    """The end of what Snakemake said."""
    output = folder.with_name(f"{folder.name}.txt")
    return "\n".join(output.read_text().splitlines()[-30:]) if output.exists() else ""


def clear(folder: Path) -> None:
    """Remove a round's folder and what was mounted there."""
    if os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", folder], check=True)
    if os.geteuid() == 0:
        subprocess.run(["chattr", "-R", "-i", folder], capture_output=True)
    for path in (folder, folder.with_name("whole")):
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
