"""A small sample of `make fuzz`: each reader reads its whole files, and a few broken ones right or not at all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from runner import broken
from targets import TARGETS

SAMPLE = 300  # inputs over all readers, of a seed of their own


@pytest.mark.slow
def test_broken_files_are_read_right_or_refused_in_one_line():
    command = [sys.executable, str(Path(__file__).parent), "--seed", "1", "--count", str(SAMPLE), "--here"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = json.loads(done.stdout)["outcomes"]
    assert set(outcomes) == {"read", "refused"}
    assert sum(outcomes.values()) == pytest.approx(SAMPLE, abs=len(TARGETS))


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "checkpoint"])
def test_an_input_depends_on_its_seed_and_number_alone(tmp_path, name):
    files = TARGETS[name].make(tmp_path)
    first, again = (broken(name, 0, 3, files) for _ in range(2))
    assert first == again
    assert first != broken(name, 0, 4, files)
    assert first != broken(name, 1, 3, files)
