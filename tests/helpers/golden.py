"""Results on record: what a golden test compares with, and what it says when they differ."""

from __future__ import annotations

import pytest

VERSIONS = "boxsup/stages.py"  # where a stage's version is


def check_golden(stage: str, result: object, recorded: object) -> None:
    """Fail unless a stage's result is the one on record; the message says what that means and what to do.

    Args:
        stage: The stage whose outputs would change, by its name in VERSIONS.
        result: What the code makes now; anything that compares and prints.
        recorded: What it made when the test was written; `pytest.approx(...)` where sums of floats decide.
    """
    if result == recorded:
        return
    pytest.fail(
        f'The results of the stage "{stage}" have changed.\n'
        f"  on record: {recorded!r}\n"
        f"  now:       {result!r}\n"
        "If you did not mean to change results: your change has a side effect. Find it; do not touch this test.\n"
        f'If you did: raise the version of "{stage}" in {VERSIONS}, so that stored results are made again,\n'
        "put the new values into this test, and say in CHANGELOG.md what changed, why, and by how much.\n"
        "If a new version of a library did it (`make lock`): the same, and name the library.",
        pytrace=False,
    )
