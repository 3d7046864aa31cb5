"""Notices that a project's results are in another folder than the current one, where a run would begin anew."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from boxsup.again import configurations_of, inside, program
from boxsup.experiments.tree import RESULTS
from boxsup.near import shorter


def results_elsewhere(config: Path, owners: Sequence[str], here: Path) -> Path | None:
    """The folder whose `results/` has what a run in another folder would make anew; None if there is none.

    Looked at are the folder that a configuration is in and the one around it, where `boxsup init` was called, and the
    one around the current folder. Results that were made with another configuration that still exists do not count.

    Args:
        config: The configuration.
        owners: Whose results: experiments, and data sets as `data/DATASET`.
        here: The folder that the run is in, absolute.
    """
    if _has_results(here, owners):
        return None
    own = config.resolve()
    for home in (own.parent.parent, own.parent, here.parent):
        if home != here and _has_results(home, owners):
            known = [Path(path) for owner in owners for path in configurations_of(home / RESULTS, owner)]
            if any(path.resolve() == own for path in known) or not any(path.exists() for path in known):
                return home
    return None


def said_of_elsewhere(home: Path, project: Path, here: Path) -> str:
    """One line about results that are elsewhere: where they are, where these will be, how to go on with those.

    Args:
        home: The folder that has results, absolute.
        project: What the user called the project.
        here: The folder that the run is in, absolute.
    """
    there = shlex.join([program("boxsup", home), "run", shorter(project.resolve(), home)])
    return (
        f"note: results go to {here / RESULTS}, which has none of this project; those in {home / RESULTS} are not "
        f"used; to go on with them, `{inside(home, there)}`"
    )


def _has_results(home: Path, owners: Sequence[str]) -> bool:
    return any((home / RESULTS / owner).is_dir() for owner in owners)
