"""A stage is one row: what is derived from it."""

import importlib.util
import subprocess
import sys

import pytest

from boxsup.stages import COMMANDS, ROWS, STAGES


def test_names_and_commands_are_unique():
    assert len(STAGES) == len(COMMANDS) == len(ROWS)


@pytest.mark.parametrize("stage", ROWS, ids=list(STAGES))
def test_a_row_is_of_a_command_and_asks_a_scheduler_where_it_has_a_rule(stage):
    assert stage.name.isidentifier()
    assert importlib.util.find_spec(stage.module)
    assert bool(stage.logs) == bool(stage.memory) == bool(stage.minutes)
    assert not stage.logs or stage.version  # what a rule makes can be made again


def test_hyphens_are_derived_and_two_words_are_said():
    assert (STAGES["label_quality"].command, STAGES["label_quality"].module) == (
        "label-quality",
        "boxsup.commands.label_quality",
    )
    assert (STAGES["proposals"].command, STAGES["proposals"].module) == (
        "proposals make",
        "boxsup.commands.proposals_make",
    )


def test_the_table_imports_nothing_slow():
    code = (
        "import sys, boxsup.cli; slow = {'torch', 'numpy', 'pandas', 'pydantic', 'zarr'} & set(sys.modules); "
        "assert not slow, slow"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
