"""Commands that pages and messages print, such that they run from the user's folder.

The workflow records in `results/commands.json` how it was started, for each experiment and data set that it makes.
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
from boxsup.experiments.found import owner_of
from boxsup.experiments.tree import RECORD, RESULTS
from boxsup.near import shorter
from boxsup.store.atomic import write_text

PATHS, WORDS = ("snakefile", "directory"), ("configfiles", "config")  # fields of `Start`
# An environment variable that tells the jobs of a workflow how it was started. With the ending _PATH, the PATH of the
# user's shell; with _BIN, the folder of Snakemake's Python: jobs may run in another environment.
VARIABLE = "BOXSUP_START"


@dataclass(frozen=True)
class Start:
    """How Snakemake was started; paths are absolute.

    Attributes:
        snakefile: The workflow's file.
        configfiles: Value of `--configfile`.
        config: Value of `--config`, each `KEY=VALUE`.
        directory: Value of `--directory`; "" for the user's folder.
    """

    snakefile: str = ""
    configfiles: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    directory: str = ""

    def command(self, targets: Iterable[str], *options: str, home: Path | None = None) -> str:
        """A shell command that makes targets.

        Args:
            targets: What to make.
            options: Options of Snakemake.
            home: The folder in which it runs and which has the folder `results`; None for the current one.
        """
        home = home or Path.cwd()
        words = [program("snakemake", home), "--cores", "all", *self.options(home)]
        several = len(self.configfiles) > 1 or self.config  # these options take all words up to the next option
        return shlex.join([*words, *options, *(["--"] if several else []), *targets])

    def options(self, home: Path) -> list[str]:
        """Snakemake's options for the workflow and its configuration, as they are written in the folder `home`."""
        words = []
        if self.snakefile and not _is_found(Path(self.snakefile), home):
            words += ["-s", shorter(self.snakefile, home)]
        if len(self.configfiles) == 1:
            words.append(f"--configfile={shorter(self.configfiles[0], home)}")
        elif self.configfiles:
            words += ["--configfile", *(shorter(path, home) for path in self.configfiles)]
        return [*words, "--config", *self.config] if self.config else words

    def there(self, command: str) -> str:
        """A command that runs in Snakemake's `--directory`, for a user in the folder where it was started."""
        return f"cd {shlex.quote(self.directory)} && {command}" if self.directory else command


def program(name: str, home: Path | None = None) -> str:
    """How to call a program of our environment: by its name if the user's shell finds it, else by its path."""
    ours = Path(os.environ.get(f"{VARIABLE}_BIN") or Path(sys.executable).parent) / name
    path = os.environ.get(f"{VARIABLE}_PATH")
    found = shutil.which(name, path=path)
    return name if found and Path(found).absolute() == ours.absolute() else shorter(ours, home or Path.cwd())


def inside(home: Path, command: str) -> str:
    """A command that runs in the folder `home`, wherever the user is."""
    return command if os.path.relpath(home) == "." else f"(cd {shlex.quote(shorter(home.absolute()))} && {command})"


def project_start(config: Path) -> Start:
    """How to start with a configuration of the user: with the workflow in this folder if there is one, or our own."""
    here = Path("workflow/rules/common.smk").exists()
    return Start("" if here else str(PROJECT.resolve().with_name("Snakefile")), (str(config.absolute()),))


def started() -> Start:
    """How the workflow was started that runs this job; the defaults of `Start` if no workflow does.

    Raises:
        ConfigError: What the environment says of it cannot be read.
    """
    said = os.environ.get(VARIABLE, "{}")
    try:
        return _start(json.loads(said), VARIABLE)
    except ValueError as error:
        raise ConfigError(f"{VARIABLE}: expected how Snakemake was started, got {said!r}") from error


def record(results: Path, owners: Iterable[str], start: Start) -> None:
    """Record how the results of some owners, `EXPERIMENT` or `data/DATASET`, were made."""
    known = {**_recorded(results), **{owner: asdict(replace(start, directory="")) for owner in owners}}
    write_text(results / RECORD, json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def is_results(folder: Path) -> bool:
    """Whether a folder is one of the workflow's results, whatever its name: it holds what `record` wrote."""
    return (folder / RECORD).is_file() and bool(_recorded(folder))


def configurations_of(results: Path, owner: str) -> tuple[str, ...]:
    """The configurations, as absolute paths, that the results of an owner were made with; none if that is not known."""
    return _start(_recorded(results).get(owner, {}), RECORD).configfiles


def commands_for(paths: Sequence[Path], *options: str) -> list[str]:
    """The commands that make results again, one for all that were started alike; other paths are left out."""
    groups: dict[tuple[Path, Start], list[str]] = {}
    for path in paths:
        target_in = target_of(path)
        if target_in:
            home, target = target_in
            known = _recorded(home / RESULTS).get(owner_of(target), {})
            groups.setdefault((home, _start(known, RECORD)), []).append(target)
    return [inside(home, start.command(targets, *options, home=home)) for (home, start), targets in groups.items()]


def target_of(path: Path) -> tuple[Path, str] | None:
    """The folder that Snakemake runs in and its name of a result; None if the path is in no folder of results.

    >>> target_of(Path("/home/me/results/demo_semi/report.html"))
    (PosixPath('/home/me'), 'results/demo_semi/report.html')
    """
    parts = path.absolute().parts
    if RESULTS.name not in parts:
        return None
    index = len(parts) - 1 - parts[::-1].index(RESULTS.name)
    return Path(*parts[:index]), Path(*parts[index:]).as_posix()


def _start(known: object, where: str) -> Start:
    """Build a `Start` from parsed JSON; raises a ConfigError that begins with `where` if it does not describe one."""
    values: dict[str, Any] = dict(known) if isinstance(known, dict) else {"": known}
    words = {key: tuple(value) for key, value in values.items() if key in WORDS and isinstance(value, list)}
    paths = {key: value for key, value in values.items() if key in PATHS}
    texts = [*paths.values(), *(word for several in words.values() for word in several)]
    if len(words) + len(paths) < len(values) or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"{where}: expected how Snakemake was started, got {known!r}")
    return Start(**paths, configfiles=words.get("configfiles", ()), config=words.get("config", ()))


def _is_found(snakefile: Path, home: Path) -> bool:
    """Whether Snakemake finds the workflow by itself."""
    return any(snakefile == home / name for name in ("Snakefile", "workflow/Snakefile"))


def _recorded(results: Path) -> dict[str, Mapping[str, object]]:
    """What `record` wrote, by owner; nothing if it cannot be read: commands are then printed without it."""
    try:
        known = json.loads((results / RECORD).read_text(encoding="utf-8"))
        return {name: value for name, value in known.items() if _start(value, name)}
    except (OSError, ValueError, AttributeError, ConfigError):
        return {}
