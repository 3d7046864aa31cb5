"""Write the versions installed beside this Python to `requirements.txt`, its conda twin and `cluster.txt`."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
HEAD = """# The exact versions that `make` installs, with --no-deps: Linux x86-64, Python 3.11 or newer.
# Made by `make lock`; pyproject.toml has the ranges, docs/architecture.md the reasons.
"""
TWIN = """# The conda twin of requirements.txt, named by every rule: used only with `--sdm conda`.
# Made by `make lock`.
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - cxx-compiler
  - pip:
"""
CLUSTER = """# What `make cluster` adds to requirements.txt: Snakemake's ways to schedulers.
# Every start of Snakemake loads those that are installed, so they are not in the environment of one machine.
# Made by `make lock`.
"""
NOT_LOCKED = ("pip", "boxsup")
PLUGIN = "snakemake-executor-plugin-"


def main() -> None:
    """Freeze the environment, less this package and pip itself."""
    freeze = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    lines = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout.splitlines()
    every = [line for line in lines if "==" in line and line.partition("==")[0] not in NOT_LOCKED]
    locked = [line for line in every if not line.startswith(PLUGIN)]
    plugins = [line for line in every if line.startswith(PLUGIN)]
    (FOLDER / "requirements.txt").write_text(HEAD + "".join(f"{line}\n" for line in locked))
    (FOLDER / "boxsup.yaml").write_text(TWIN + "".join(f"      - {line}\n" for line in locked))
    if plugins:  # after `make cluster`; else they stay as they are
        (FOLDER / "cluster.txt").write_text(CLUSTER + "".join(f"{line}\n" for line in plugins))


if __name__ == "__main__":
    main()
