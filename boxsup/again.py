"""Commands that pages and messages print, as they run from where the user is.

The workflow writes how it was started into `results/commands.json`, by what it makes: an experiment, a data set.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from boxsup.config.files import PROJECT
from boxsup.errors import ConfigError
from boxsup.experiments.tree import RECORD, RESULTS, owner_of
from boxsup.near import shorter
from boxsup.store.atomic import write_text

PATHS, WORDS = ("snakefile", "directory"), ("configfiles", "config")  # of `Start`
VARIABLE = "BOXSUP_START"  # of the environment: the same for the jobs of a run


@dataclass(frozen=True)
class Start:
    """How Snakemake was started; paths are absolute.

    Attributes:
        snakefile: The workflow.
        configfiles: Those of the command line, in order.
        config: `KEY=VALUE`, as on the command line.
        directory: Where it ran, as on the command line; "" for where the user was.
    """

    snakefile: str = ""
    configfiles: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    directory: str = ""

    def command(self, targets: Iterable[str], *options: str, home: Path | None = None) -> str:
        """A command for a shell that makes targets, whose folder `results` is in `home` [where the user is]."""
        home = home or Path.cwd()
        words = [program("snakemake", home), "--cores", "all"]
        if self.snakefile and not _found_there(Path(self.snakefile), home):
            words += ["-s", shorter(self.snakefile, home)]
        if len(self.configfiles) == 1:
            words.append(f"--configfile={shorter(self.configfiles[0], home)}")
        elif self.configfiles:
            words += ["--configfile", *(shorter(path, home) for path in self.configfiles)]
        words += ["--config", *self.config] if self.config else []
        several = len(self.configfiles) > 1 or self.config  # these options take what follows, to the next option
        return shlex.join([*words, *options, *(["--"] if several else []), *targets])

    def there(self, command: str) -> str:
        """A command that runs where Snakemake ran, for a user who is where it was started."""
        return f"cd {shlex.quote(self.directory)} && {command}" if self.directory else command


def program(name: str, home: Path | None = None) -> str:
    """A program of the environment that this runs in: its name where a shell finds it by that, else its path."""
    own = Path(sys.executable).parent / name
    path = os.environ.get(f"{VARIABLE}_PATH")  # a workflow's jobs have another than the user's shell
    found = shutil.which(name, path=path)
    return name if found and Path(found).absolute() == own.absolute() else shorter(own, home or Path.cwd())


def inside(home: Path, command: str) -> str:
    """A command that runs in another folder than the user's."""
    there = os.path.relpath(home)
    return command if there == "." else f"(cd {shlex.quote(shorter(home.absolute()))} && {command})"


def project_start(config: Path) -> Start:
    """How to start with a configuration of one's own: by the workflow in this folder, or else the package's."""
    here = Path("workflow/rules/common.smk").exists()
    return Start("" if here else str(PROJECT.resolve().with_name("Snakefile")), (str(config.absolute()),))


def started() -> Start:
    """How the workflow was started whose job this is; as from its own folder where it is nobody's."""
    return _start(json.loads(os.environ.get(VARIABLE, "{}")), VARIABLE)


def record(results: Path, owners: Iterable[str], start: Start) -> None:
    """Write down how what owners have was made: `EXPERIMENT`, `data/DATASET`."""
    known = {**_recorded(results), **{owner: asdict(replace(start, directory="")) for owner in owners}}
    write_text(results / RECORD, json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def commands_for(paths: Sequence[Path], *options: str) -> list[str]:
    """The commands that make results again, those started alike in one; none for what is in no folder of results."""
    groups: dict[tuple[Path, Start], list[str]] = {}
    for path in paths:
        found = target_of(path)
        if found:
            home, target = found
            known = _recorded(home / RESULTS).get(owner_of(target), {})
            groups.setdefault((home, _start(known, RECORD)), []).append(target)
    return [inside(home, start.command(targets, *options, home=home)) for (home, start), targets in groups.items()]


def target_of(path: Path) -> tuple[Path, str] | None:
    """The folder that Snakemake runs in and what it calls a result there; None where it is in no folder of results."""
    parts = path.absolute().parts
    if RESULTS.name not in parts:
        return None
    place = len(parts) - 1 - parts[::-1].index(RESULTS.name)
    return Path(*parts[:place]), Path(*parts[place:]).as_posix()


def _start(known: object, where: str) -> Start:
    """How it was started, from parsed JSON; raises a ConfigError that begins with `where` if it is no such thing."""
    values: dict[str, Any] = dict(known) if isinstance(known, dict) else {"": known}
    words = {key: tuple(value) for key, value in values.items() if key in WORDS and isinstance(value, list)}
    paths = {key: value for key, value in values.items() if key in PATHS}
    texts = [*paths.values(), *(word for several in words.values() for word in several)]
    if len(words) + len(paths) < len(values) or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"{where}: expected how Snakemake was started, got {known!r}")
    return Start(**paths, configfiles=words.get("configfiles", ()), config=words.get("config", ()))


def _found_there(snakefile: Path, home: Path) -> bool:
    return any(snakefile == home / name for name in ("Snakefile", "workflow/Snakefile"))


def _recorded(results: Path) -> dict[str, Mapping[str, object]]:
    """What is written down there; nothing where it cannot be read, since commands are then printed without."""
    try:
        known = json.loads((results / RECORD).read_text(encoding="utf-8"))
        return {name: value for name, value in known.items() if _start(value, name)}
    except (OSError, ValueError, AttributeError, ConfigError):
        return {}
