"""`boxsup run`: run the workflow on a project, and say in plain words how far it is."""

from __future__ import annotations

import argparse
import functools
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from boxsup.again import program
from boxsup.errors import BoxSupError
from boxsup.project.lists import check_lists
from boxsup.project.pinned import check_decisions, classes_not_trained, left_behind, pin_decisions
from boxsup.running.elsewhere import results_elsewhere, said_of_elsewhere
from boxsup.running.plan import (
    arguments,
    asked_of,
    config_of,
    core_count,
    planned_rules,
    rule_of,
    side_by_side,
    times_before,
    told,
)
from boxsup.running.process import run_snakemake
from boxsup.running.replaced import keep_others, owners_of_targets
from boxsup.running.reporter import Reporter, explained, print_plan
from boxsup.running.state import RunState

EXAMPLE = "boxsup run mine --cores 4"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("project", type=Path, help="folder that `boxsup init` wrote, or a configuration")
    parser.add_argument("--cores", type=_cores, default="all", help="cores to use, a number or all [all]")
    text = "decisions of `boxsup review`, such as masks/reviewed.jsonl: those boxes have the masks that you chose"
    parser.add_argument("--reviewed", type=Path, metavar="JSONL", help=f"{text}; the project keeps the name")
    parser.add_argument("--until", metavar="STAGE", help="stop after this stage, such as labels or epoch")
    parser.add_argument("--dry-run", action="store_true", help="say what would run, and why; run nothing")
    text = "keep results of another project that has the same names under a dated name; without it, the run stops"
    parser.add_argument("--overwrite", action="store_true", dest="set_aside", help=text)
    text = "what follows -- goes to Snakemake as it is: options, and what to make in place of the project's pages"
    parser.add_argument("snakemake", nargs="*", metavar="-- OPTIONS", help=text)


def run(
    *,
    project: Path,
    cores: str,
    reviewed: Path | None,
    until: str | None,
    dry_run: bool,
    set_aside: bool,
    snakemake: Sequence[str],
) -> None:
    """Run Snakemake, and show its progress; ends with status 1 if a job failed, 128 + signal if it was stopped."""
    config = config_of(project)
    own_targets, dry, unlock, placed = told(snakemake)
    lost = left_behind(config, reviewed) if reviewed and reviewed.is_file() else []
    if reviewed and pin_decisions(config, reviewed, write=not (dry or dry_run)):
        if dry or dry_run:
            print(f"run: {config} does not name {reviewed} yet, and the plan is without it", file=sys.stderr)
        else:
            print(f"run: {config} names {reviewed} now: its decisions are used from here on", file=sys.stderr)
        for line in lost:
            print(f"run: note: {line}", file=sys.stderr)
    check_decisions(config)
    if not unlock:
        _check(config)
    asked = None if own_targets or unlock else asked_of(config)
    if until and asked:
        until = rule_of(until, functools.partial(planned_rules, config, asked.targets))
    shared = [] if placed or dry or dry_run or unlock else side_by_side(core_count(cores))  # which imports torch
    words = [*shared, *arguments(config, core_count(cores), until, dry_run, snakemake)]
    targets = own_targets or (asked.targets if asked else [])
    if not unlock:
        keep_others(config, owners_of_targets(config, targets), set_aside, dry or dry_run)
    before = times_before([*asked.experiments, *asked.datasets]) if asked else {}
    if asked:
        _note_elsewhere(config, project, [*asked.experiments, *(f"data/{name}" for name in asked.datasets)])
    reporter = Reporter(RunState(before, core_count(cores), dry or dry_run))
    status, signal = run_snakemake([*words, *(["--", *targets] if asked else [])], reporter)
    reporter.close()
    again = shlex.join([program("boxsup"), "run", str(project)])
    if signal:
        print(f"stopped; what is finished stays, and `{again}` goes on from there", file=sys.stderr)
        sys.exit(128 + signal)
    if unlock and not status:
        print(f"unlocked; `{again}` goes on", file=sys.stderr)
        return
    _report(reporter, status, [f"everything up to {until}"] if until else targets, again)


def _check(config: Path) -> None:
    """Check the lists of a configuration, and print a line for each class that is decided on and not trained.

    Raises:
        DataError: An image is both trained on and evaluated on.
    """
    check_lists(config)
    for line in classes_not_trained(config):
        print(f"run: note: {line}", file=sys.stderr)


def _note_elsewhere(config: Path, project: Path, owners: Sequence[str]) -> None:
    """Print a line if a run in this folder makes anew what another folder has."""
    here = Path.cwd()
    home = results_elsewhere(config, owners, here)
    if home is not None:
        print(said_of_elsewhere(home, project, here), file=sys.stderr)


def _report(reporter: Reporter, status: int, made: Sequence[str], again: str) -> None:
    """Say how a run ended.

    Raises:
        BoxSupError: A job failed, or Snakemake could not run any.
    """
    state = reporter.state
    if state.failed:
        logs = reporter.show_failures()
        count = f"{len(state.failed)} jobs" if len(state.failed) > 1 else "a job"
        whole = f"; all that it said is in {', '.join(logs)}" if logs else ""
        raise BoxSupError(f"{count} failed{whole}; once that is put right, `{again}` goes on from there")
    if status and state.errors:
        *lines, last = explained(state.errors, f"{again} -- --unlock")
        for line in lines:
            print(line, file=sys.stderr)
        raise BoxSupError(last)
    if status:  # Snakemake has said why
        sys.exit(status)
    if state.dry and (state.planned or state.idle):
        print_plan(state, made)
    elif state.planned:
        print(f"done in {reporter.took()}: {', '.join(made)}", file=sys.stderr)
    elif state.idle:
        print(f"nothing to do: {', '.join(made)} is made already", file=sys.stderr)


def _cores(text: str) -> str:
    if text != "all" and not re.fullmatch("[1-9][0-9]{0,4}", text):
        raise argparse.ArgumentTypeError(f"expected a number from 1, or all, got {text!r}")
    return text
