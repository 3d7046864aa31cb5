"""The name of a project's data set and experiment: valid, and not that of another project in the same folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

import yaml

from boxsup.again import configurations_of
from boxsup.config.files import keys_of, project_config, read_keys
from boxsup.errors import ConfigError
from boxsup.experiments.tree import RESULTS
from boxsup.near import shorter
from boxsup.project.write import CONFIG, EXPERIMENTS, WRITTEN

DEFAULT = "own"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,59}")
TAKEN = {"datasets": ("",), "experiments": EXPERIMENTS, "pages": EXPERIMENTS}  # key -> endings that make its names


def check_name(name: str) -> None:
    """Raise a ConfigError unless the name is valid and `config.yaml` has none that would clash."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"--name: expected letters, digits and _, 60 at most, got {name!r}")
    if yaml.safe_load(name) != name:
        raise ConfigError(
            f"--name: YAML takes {name} for {yaml.safe_load(name)!r}, no text; choose another, as my_{name}"
        )
    config = project_config()
    for key, names in TAKEN.items():
        taken = next((full for full in (f"{name}{ending}" for ending in names) if full in config[key]), None)
        if taken is not None:
            raise ConfigError(f"--name {name}: config.yaml has {key}.{taken} already; choose another, as my_{name}")


def name_for(project: Path, here: Path) -> str:
    """The name of a project whose user gives none.

    It is the one that the project has already, else `own`, else one that is made from that of its folder.

    Args:
        project: The folder of the project.
        here: The folder that the user is in, whose `results/` the results will be in.
    """
    has = list(_keys(project / CONFIG, "datasets"))
    if len(has) == 1 and _is_valid(has[0]):
        return has[0]
    return next(_free_names(project, here))


def note_on_name(name: str, project: Path, here: Path) -> str:
    """What is to be said of a project's name once its configuration is written; "" for nothing.

    Args:
        name: Its name.
        project: The folder of the project.
        here: The folder whose `results/` the results will be in.
    """
    other = taken_by(name, project / CONFIG, here)
    if other is not None:
        free = next(_free_names(project, here))
        return (
            f"{shorter(other)} has a data set {name}, too: `boxsup run` would replace the results of one by those of "
            f"the other, and will refuse to; `--name {free}` gives this project a name of its own"
        )
    first = taken_by(DEFAULT, project / CONFIG, here) if name != DEFAULT else None
    return "" if first is None else f"this data set is called {name}, since {shorter(first)} has one called {DEFAULT}"


def taken_by(name: str, config: Path, here: Path) -> Path | None:
    """The configuration of another project with a data set of this name, whose results would be in the same place.

    Args:
        name: Name of a data set.
        config: The configuration of the project, which need not be there.
        here: The folder whose `results/` counts.

    Returns:
        One that `boxsup init` wrote beside the project or in a folder of `here`, or one that results in `here` are of;
        None if there is none, or if its data set is the same as that of `config`, to the last key.
    """
    own = _keys(config, "datasets").get(name)
    folders = {here, config.absolute().parent.parent}
    beside = sorted(path for folder in folders for path in folder.glob(f"*/{CONFIG}") if _is_ours(path))
    named = [path for path in beside if name in _keys(path, "datasets") and not same(path, config)]
    others = [*made_by_others(here / RESULTS, f"data/{name}", config), *named]
    return next((path for path in others if own is None or _keys(path, "datasets").get(name) != own), None)


def made_by_others(results: Path, owner: str, config: Path) -> list[Path]:
    """The configurations that results were made with, unless it was this one; those that are gone are left out.

    Args:
        results: The folder of all results.
        owner: Whose results: an experiment, or `data/DATASET`.
        config: A configuration.
    """
    known = [Path(path) for path in configurations_of(results, owner)] if (results / owner).is_dir() else []
    there = [path for path in known if path.is_file()]
    return [] if any(same(path, config) for path in there) else there


def same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, which need not be there."""
    return one.resolve() == other.resolve()


def _free_names(project: Path, here: Path) -> Iterator[str]:
    """Valid names that no other project has, the best first."""
    config = project / CONFIG
    yield from (name for name in _names(project) if _is_valid(name) and taken_by(name, config, here) is None)


def _names(project: Path) -> Iterator[str]:
    """Names to try, in this order."""
    yield DEFAULT
    stem = re.sub(r"\W+", "_", project.absolute().name, flags=re.ASCII).strip("_")[:50]
    yield from (stem, f"my_{stem}") if stem else ()
    yield from (f"{stem or DEFAULT}_{number}" for number in count(2))


def _is_valid(name: object) -> bool:
    try:
        check_name(str(name))
    except ConfigError:
        return False
    return True


def _is_ours(config: Path) -> bool:
    """Whether `boxsup init` wrote a configuration, as its first words say; others in reach may be large."""
    try:
        with config.open(encoding="utf-8") as file:
            return file.read(len(WRITTEN)) == WRITTEN
    except (OSError, UnicodeDecodeError):
        return False


def _keys(config: Path, key: str) -> Mapping[str, object]:
    """A block of a configuration; empty if there is none, or it cannot be read."""
    try:
        return keys_of(read_keys(config).get(key))
    except ConfigError:
        return {}
