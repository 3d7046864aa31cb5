"""Bars in a log: a line now and then, which says how far the job is and is read back."""

import io
import re

import pytest

from boxsup.machine import bars
from boxsup.machine.bars import LossBar, reached, tqdm


@pytest.fixture
def always(monkeypatch):
    """No time between lines."""
    monkeypatch.setattr(bars, "FIRST", 0.0)
    monkeypatch.setattr(bars, "SHARE", 0.0)


def test_a_log_says_how_far_a_loop_is(always, capsys):
    assert list(tqdm(["a", "b", "c"], "proposals", unit="image", disable=None)) == ["a", "b", "c"]
    said = capsys.readouterr().err
    assert said == "proposals: 1 of 3 images\nproposals: 2 of 3 images\nproposals: 3 of 3 images\n"
    assert reached(said) == ("proposals", 3, 3, " images")


def test_a_bar_that_is_moved_by_hand_does_so_too(always, capsys):
    with tqdm(total=2000, desc="check", unit="box", disable=None) as bar:
        bar.update(1500)
        bar.total = 1500
        bar.set_postfix_str("3 wrong", refresh=False)
        bar.update(0)
    assert capsys.readouterr().err == "check: 1,500 of 2,000 boxes\ncheck: 1,500 of 1,500 boxes, 3 wrong\n"


def test_the_steps_of_a_training_are_said_with_their_mean_loss(always, capsys):
    with LossBar("objects") as bar:
        bar.step(1, 1000, 0.5)
        bar.step(2, 1000, 0.25)
        for step in range(3, 3 + bars.RECENT):
            bar.step(step, 1000, 0.125)
    said = capsys.readouterr().err
    assert said.startswith("objects: 1 of 1,000 steps, loss 0.500\nobjects: 2 of 1,000 steps, loss 0.375\n")
    assert said.endswith(f"objects: {2 + bars.RECENT} of 1,000 steps, loss 0.125\n")
    assert reached(said) == ("objects", 2 + bars.RECENT, 1000, " steps, loss 0.125")


def test_what_takes_no_time_says_nothing(capsys):
    assert list(tqdm(range(3), "quick", unit="image", disable=None)) == [0, 1, 2]
    assert list(tqdm(iter(range(3)), disable=True)) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_the_last_line_comes_if_any_did(monkeypatch, capsys):
    times = iter([0, 6, 7, 8])
    monkeypatch.setattr(bars.time, "monotonic", lambda: next(times))
    list(tqdm(range(3), "slow", unit="image", disable=None))
    assert capsys.readouterr().err == "slow: 1 of 3 images\nslow: 3 of 3 images\n"


def test_a_terminal_has_tqdms_own_bar():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    assert list(tqdm(range(3), "drawn", unit="image", disable=None, file=terminal)) == [0, 1, 2]
    assert re.search(r"drawn: 100%.*3/3 \[", terminal.getvalue())


def test_other_lines_are_no_progress():
    assert reached("") is None
    assert reached("epoch 3: 12 images\n2 of 3 apples") is None
