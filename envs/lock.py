"""Write the versions installed beside this Python to `requirements.txt` and its conda twin `boxsup.yaml`."""

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
NOT_LOCKED = ("pip", "boxsup")


def main() -> None:
    """Freeze the environment, less this package and pip itself."""
    freeze = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    lines = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout.splitlines()
    locked = [line for line in lines if "==" in line and line.partition("==")[0] not in NOT_LOCKED]
    (FOLDER / "requirements.txt").write_text(HEAD + "".join(f"{line}\n" for line in locked))
    (FOLDER / "boxsup.yaml").write_text(TWIN + "".join(f"      - {line}\n" for line in locked))


if __name__ == "__main__":
    main()
