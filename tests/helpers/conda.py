"""A stand-in for the program `conda`, which no package index of Python has.

Snakemake's own code for `--sdm conda` calls it as it would call conda. It makes an environment from the packages that
are installed here: those that the environment's file pins, in these versions, and no others. So everything but
conda's own work is tested: that each list is complete, which Python runs which job, and whose code it runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import yaml

# What each environment's Python does at its start: it writes down what it was called with.
TELLS = """
import sys
from pathlib import Path

with (Path(sys.prefix) / "used.txt").open("a") as file:
    print(*sys.orig_argv[1:], file=file)
"""
PIP = """
import subprocess
import sys

subprocess.run([{python!r}, {program!r}, "link", sys.argv[-1], {packages!r}], check=True)
"""
ACTIVATE = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n'


def install(base: Path) -> Path:
    """Make the program; returns the folder for PATH."""
    binaries = base / "bin"
    binaries.mkdir(parents=True)
    (binaries / "activate").write_text(ACTIVATE)
    program = binaries / "conda"
    program.write_text(f'#!/bin/sh\nSTAND_IN={base} exec {sys.executable} {Path(__file__)} "$@"\n')
    program.chmod(0o755)
    return binaries


def create(file: Path, prefix: Path) -> None:
    """Make an environment with what a file pins."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    [packages] = prefix.glob("lib/python*/site-packages")
    (packages / "sitecustomize.py").write_text(TELLS)
    (packages / "pip.py").write_text(PIP.format(python=sys.executable, program=__file__, packages=str(packages)))
    *_, by_pip = yaml.safe_load(file.read_text())["dependencies"]
    for line in by_pip["pip"]:
        link(line, str(packages))


def link(line: str, packages: str) -> None:
    """Link an installed distribution, `NAME==VERSION`, into a folder of packages."""
    name, _, version = line.partition("==")
    found = distribution(name)
    assert found.version == version, f"{line} is asked for, {found.version} is installed"
    own = Path(str(found.locate_file(""))).resolve()
    for top in {Path(str(path)).parts[0] for path in found.files or ()} - {"..", "__pycache__"}:
        if not (Path(packages) / top).exists():  # a folder of several distributions, such as `nvidia`
            (Path(packages) / top).symlink_to(own / top)


def main(words: list[str]) -> None:
    """Do what Snakemake asks conda for."""
    if words == ["--version"]:
        print("conda 24.7.1")
    elif words == ["info", "--json"]:
        print(json.dumps({"conda_prefix": os.environ["STAND_IN"], "platform": "linux-64"}))
    elif words[0] == "config":
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif words[:2] == ["env", "create"]:
        create(Path(words[words.index("--file") + 1]), Path(words[words.index("--prefix") + 1]))
    elif words[0] == "link":
        link(*words[1:])
    elif words[0] != "clean":
        sys.exit(f"conda stand-in: {words}")


if __name__ == "__main__":
    main(sys.argv[1:])
