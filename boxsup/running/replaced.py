"""Keeps a run from replacing the results of another project that has the same names."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from boxsup.config.files import keys_of, merge, read_keys
from boxsup.errors import ConfigError, StoreError
from boxsup.experiments.found import owner_of
from boxsup.experiments.splits import DATA
from boxsup.experiments.tree import RESULTS
from boxsup.near import shorter
from boxsup.project.names import made_by_others
from boxsup.store.renames import dated_names, put_aside

LOCKS = Path(".snakemake/locks")


def owners_of_targets(config: Path, targets: Sequence[str]) -> list[str]:
    """Whose results a run makes: experiments, and data sets as `data/DATASET`.

    Args:
        config: The configuration.
        targets: What it is to make; names of rules belong to nobody.
    """
    named = [owner_of(target) for target in targets if Path(target).is_relative_to(RESULTS)]
    experiments = keys_of(read_keys(config).get("experiments"))
    used = [_dataset(experiments.get(owner)) for owner in named]
    return list(dict.fromkeys([*filter(None, named), *(f"{DATA}/{name}" for name in used if name)]))


def results_of_others(config: Path, owners: Sequence[str], results: Path = RESULTS) -> dict[Path, Path]:
    """The results that a run would replace though another configuration, which still exists, made them.

    Configurations may share what they say alike: a data set with the same files, an experiment with the same settings.

    Args:
        config: The configuration of the run.
        owners: Whose results it makes: experiments, and data sets as `data/DATASET`.
        results: The folder of all results.

    Returns:
        The folder of each such result -> the configuration that it is of.
    """
    own = read_keys(config)
    found = {}
    for owner in owners:
        others = made_by_others(results, owner, config)
        if others and _said_of(owner, _merged(others)) != _said_of(owner, own):
            found[results / owner] = others[-1]
    return found


def keep_others(config: Path, owners: Sequence[str], overwrite: bool, dry: bool) -> None:
    """Keep the results of others under a dated name, or stop the run that would replace them.

    Args:
        config: The configuration of the run.
        owners: See `results_of_others`.
        overwrite: Whether the run is to go on.
        dry: Whether nothing is to be changed.

    Raises:
        ConfigError: The run would replace results, and `overwrite` is not given.
        StoreError: They cannot be renamed.
    """
    others = results_of_others(config, owners)
    if not others:
        return
    folders = " and ".join(map(str, others))
    first, whose = next(iter(others.items()))
    if not overwrite:
        verb = "is" if len(others) == 1 else "are"
        raise ConfigError(
            f"{folders} {verb} of {shorter(whose)}, another project, and would be replaced; {_advice(config, first)}, "
            "run in another folder, or add --overwrite, which keeps what is there under a dated name such as "
            f"{first.with_name(next(dated_names(first, folder=True)))}"
        )
    if dry:
        said = f"run: would keep {folders} of {shorter(whose)} under a dated name; the plan is with what is there now"
        print(said, file=sys.stderr)
        return
    if any(LOCKS.glob("*")):
        return  # Snakemake says that another run works here, and runs nothing
    for folder, maker in others.items():
        try:
            print(f"run: kept {folder} of {shorter(maker)}: {put_aside(folder, folder)}", file=sys.stderr)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be renamed ({error.strerror}); take it away yourself") from error


def _advice(config: Path, folder: Path) -> str:
    """How a project gets a name that is free."""
    project = config.parent
    return f"give this one another name, by `boxsup init {shorter(project)} …` again with `--name`, or in {config}"


def _said_of(owner: str, keys: Mapping[str, Any]) -> tuple[Any, Any]:
    """What a configuration says of an owner: its experiment's settings, and those of its data set."""
    datasets = keys_of(keys.get("datasets"))
    if owner.startswith(f"{DATA}/"):
        return None, datasets.get(owner.removeprefix(f"{DATA}/"))
    experiment = keys_of(keys.get("experiments")).get(owner)
    return experiment, datasets.get(_dataset(experiment))


def _dataset(experiment: Any) -> Any:  # noqa: ANN401 - YAML
    name = experiment.get("dataset") if isinstance(experiment, dict) else None
    return name if isinstance(name, str) else None


def _merged(configs: Sequence[Path]) -> Mapping[str, Any]:
    """The keys of configurations that lie on each other; without those that cannot be read."""
    keys: Mapping[str, Any] = {}
    for config in configs:
        try:
            keys = merge(keys, read_keys(config))
        except ConfigError:
            continue
    return keys
