"""What tests share: the project's own configuration and the real images, where they are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings

from helpers.paths import DATA, ROOT

# No test is timed: a busy machine must not fail one.
settings.register_profile("boxsup", deadline=None, derandomize=True)
settings.load_profile("boxsup")


@pytest.fixture(scope="session")
def config() -> dict[str, Any]:
    """The project's `config.yaml` as it stands."""
    return yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.fixture(scope="session")
def voc_mini() -> Path:
    """A tree in VOC layout of 755 real photographs."""
    root = DATA / "voc-mini" / "VOC2012"
    if not root.is_dir():
        pytest.skip(f"real photographs are not at {root}; set BOXSUP_DATA")
    return root
