"""What `boxsup run` asks Snakemake for: targets, options, and how long such jobs took before."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from boxsup.again import project_start
from boxsup.config.files import base_config, from_folder, is_whole, merge, read_keys
from boxsup.config.resolve import resolve
from boxsup.errors import ConfigError
from boxsup.experiments.tree import BENCHMARK, RESULTS, ExperimentFolder
from boxsup.machine.processors import processors
from boxsup.near import did_you_mean, first_few, nearest
from boxsup.running.process import run_snakemake
from boxsup.running.state import RunState
from boxsup.stages import STAGES

CONFIG = "config.yaml"
PROFILE = "SNAKEMAKE_PROFILE"  # a variable of Snakemake's, which does what --profile does
LATEST = 20  # benchmarks of a stage whose mean counts


class Told(NamedTuple):
    """What a user tells Snakemake.

    Attributes:
        targets: What to make.
        dry: Whether it is to plan only.
        unlock: Whether it is to unlock the folder.
        placed: Whether the words say where jobs run, or what they may take of the machine.
    """

    targets: list[str]
    dry: bool
    unlock: bool
    placed: bool


@dataclass(frozen=True)
class Asked:
    """What a run is to make.

    Attributes:
        config: The user's configuration.
        experiments: Names of its experiments.
        targets: Their pages.
        datasets: Names of their data sets.
    """

    config: Path
    experiments: list[str]
    targets: list[str]
    datasets: list[str]


def config_of(project: Path) -> Path:
    """The configuration of a project: the file itself, or `config.yaml` in the folder.

    Raises:
        ConfigError: There is none.
    """
    config = project / CONFIG if project.is_dir() else project
    if not config.is_file():
        raise ConfigError(f"{config}: no such file; `boxsup init {project} --images … --boxes …` writes a project")
    return config


def asked_of(config: Path) -> Asked:
    """What a configuration asks for: the pages of the experiments that it names.

    Raises:
        ConfigError: It is wrong, or names no experiment, or is a whole one with more experiments than one.
    """
    own = read_keys(config)
    whole: Mapping[str, Any] = {}
    bases = base_config(named=True)
    for base in bases:
        whole = merge(whole, read_keys(base))
    try:
        resolved = resolve(merge(whole, own))
    except ConfigError as error:
        others = [base for base in bases if base.absolute() != config.absolute()]
        raise ConfigError(f"{error}{from_folder(others)}") from error
    names = list(own.get("experiments") or {})
    if not names:
        raise ConfigError(f"{config}: it names no experiment; say what to make: `boxsup run {config} -- TARGET`")
    if is_whole(own) and len(names) > 1:
        few, example = first_few(names, 3), ExperimentFolder(names[0]).report
        raise ConfigError(f"{config}: it has {few}; say which to make: `boxsup run {config} -- {example}`")
    datasets = [resolved["experiments"][name]["dataset"] for name in names]
    return Asked(config, names, [str(ExperimentFolder(name).report) for name in names], datasets)


def arguments(config: Path, cores: int, until: str | None, dry_run: bool, more: Sequence[str]) -> list[str]:
    """Snakemake's arguments, without targets.

    Args:
        config: The user's configuration.
        cores: How many cores it may use.
        until: A stage to stop after, if any.
        dry_run: Whether nothing is to run.
        more: What the user tells Snakemake.
    """
    own = ["--cores", str(cores), *project_start(config).options(Path.cwd())]
    own += ["--until", rule_of(until)] if until else []
    own += ["--dry-run"] if dry_run else []
    return [*own, *more]


def told(more: Sequence[str]) -> Told:
    """What a user's words to Snakemake say."""
    in_environment = PROFILE in os.environ
    if not more:
        return Told([], False, False, in_environment)
    from snakemake.cli import get_argument_parser  # takes a second, so only if there is anything to tell

    known = get_argument_parser().parse_known_args(list(more))[0]
    placed = bool(in_environment or known.profile or known.executor or known.resources)
    return Told(list(known.targets), bool(known.dryrun), bool(known.unlock), placed)


def side_by_side(cores: int) -> list[str]:
    """Snakemake's options by which jobs of torch share the processors of a machine without a GPU.

    `profiles/default` lets one job at a time have the GPU. Without one, jobs take no more than their threads of the
    processors, so that the parts of object networks, and runs of several seeds, can run at the same time.

    Args:
        cores: How many processors the run may use.
    """
    import torch  # takes a second

    return [] if torch.cuda.is_available() else ["--resources", f"gpu={cores}"]


def rule_of(stage: str, planned: Callable[[], Sequence[str]] = tuple) -> str:
    """The rule of a stage, which people may write as the command.

    >>> rule_of("label-quality")
    'label_quality'

    Args:
        stage: What the user wrote.
        planned: Gives the rules that the project runs, to be listed if there is no such stage; none: all are.

    Raises:
        ConfigError: No rule is called so.
    """
    rules = [name for name, row in STAGES.items() if row.logs]
    commands = {STAGES[name].command: name for name in rules}
    if stage in rules or stage in commands:
        return commands.get(stage, stage)
    near = did_you_mean(nearest(stage, [*rules, *commands], 1))
    own = set(planned())
    listed = ", ".join([name for name in rules if name in own] or rules)
    raise ConfigError(f"--until: there is no stage '{stage}' in the workflow{near}; stages: {listed}")


class _Planned:
    """Listens to a plan of Snakemake's, and says nothing."""

    def __init__(self) -> None:
        self.state = RunState(dry=True)

    def event(self, event: Mapping[str, Any]) -> None:
        self.state.take(event, 0.0)

    def text(self, line: str) -> None:
        pass

    def tick(self) -> None:
        pass


def planned_rules(config: Path, targets: Sequence[str]) -> list[str]:
    """The rules whose jobs make targets, also of those that are made already; none if they cannot be planned."""
    plan = _Planned()
    run_snakemake([*arguments(config, 1, None, True, ["--forceall"]), "--", *targets], plan)
    return list(plan.state.planned)


def core_count(cores: str) -> int:
    """The number of cores that `--cores` means; `all` are those that this process may use, also in a container.

    Snakemake's own `all` knows the affinity of the process, but no quota.
    """
    return processors() if cores == "all" else int(cores)


def times_before(owners: Iterable[str], results: Path = RESULTS) -> dict[str, float]:
    """Seconds that a job of each stage took on the mean, by Snakemake's benchmarks of earlier runs.

    Args:
        owners: Names of experiments and data sets, whose jobs count.
        results: The folder of all results.
    """
    times = {}
    for stage, row in STAGES.items():
        folder = results / "logs" / stage
        paths = [path for owner in owners for path in (folder / owner).rglob(f"*{BENCHMARK}")] if row.logs else []
        seconds = [_seconds(path) for path in sorted(paths)[-LATEST:]]
        known = [value for value in seconds if value is not None]
        if known:
            times[stage] = sum(known) / len(known)
    return times


def _seconds(path: Path) -> float | None:
    try:
        with path.open(newline="") as file:
            return float(next(csv.DictReader(file, delimiter="\t"))["s"])
    except (OSError, ValueError, KeyError, StopIteration, csv.Error):
        return None
