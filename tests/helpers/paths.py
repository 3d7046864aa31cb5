"""Where the project and the real photographs are."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Real photographs stay outside the project.
DATA = Path(os.environ.get("BOXSUP_DATA", ROOT.parent / "shared" / "data"))


def real_data(name: str) -> Path:
    """A folder of real photographs below DATA; the test that asks for it is skipped where it is not at hand."""
    folder = DATA / name
    if not DATA.is_dir():
        pytest.skip("no photographs (set BOXSUP_DATA; CONTRIBUTING.md says to what)")
    if not folder.is_dir():
        pytest.skip(f"no {name.partition('/')[0]} in {DATA} (BOXSUP_DATA; CONTRIBUTING.md)")
    return folder
