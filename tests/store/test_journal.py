"""Journals: lines that are on disk one by one, also of several writers, and after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from boxsup.store.journal import Journal, append_entry

WRITER = """
import sys
from pathlib import Path
from boxsup.store.journal import append_entry
for number in range(int(sys.argv[3])):
    append_entry(Path(sys.argv[1]), {"by": sys.argv[2], "number": number, "text": "x" * 3000})
    print(number, flush=True)
"""


def test_entries_are_read_once_in_order(tmp_path):
    journal = Journal(tmp_path / "a.jsonl")
    assert journal.news() == []
    append_entry(journal.path, {"a": "é\n"})
    append_entry(journal.path, {"b": 2})
    assert journal.news() == [{"a": "é\n"}, {"b": 2}]
    append_entry(journal.path, {"c": 3})
    assert journal.news() == [{"c": 3}]
    assert journal.news() == []


def test_a_torn_last_line_is_left_out_and_spoils_no_other(tmp_path):
    path = tmp_path / "a.jsonl"
    append_entry(path, {"a": 1})
    with path.open("ab") as file:
        file.write(b'{"b": "to')
    journal = Journal(path)
    assert journal.news() == [{"a": 1}]
    assert journal.is_torn()
    append_entry(path, {"c": 3})
    assert journal.news() == [{"c": 3}]
    assert not journal.is_torn()
    assert journal.unreadable == [2]


def test_lines_that_are_no_objects_are_counted(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'[1]\n\n\xff\n{"a": 1}\n' + b"[" * 100_000 + b"\n")
    journal = Journal(path)
    assert journal.news() == [{"a": 1}]
    assert journal.unreadable == [1, 3, 5]


@pytest.mark.slow
def test_several_writers_lose_nothing_and_a_kill_loses_what_was_not_written(tmp_path):
    path = tmp_path / "a.jsonl"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, name, "40"], stdout=subprocess.DEVNULL) for name in "ab"]
    killed = subprocess.Popen([*command, "k", "1000000"], stdout=subprocess.PIPE, text=True)
    confirmed = [int(next(killed.stdout)) for _ in range(30)]
    os.kill(killed.pid, signal.SIGKILL)
    confirmed += [int(line) for line in killed.stdout.read().splitlines()]
    killed.stdout.close()
    killed.wait()
    assert [writer.wait() for writer in writers] == [0, 0]
    append_entry(path, {"by": "end"})
    entries = Journal(path).news()
    for name in "ab":
        assert [entry["number"] for entry in entries if entry["by"] == name] == list(range(40))
    assert [entry["number"] for entry in entries if entry["by"] == "k"][: len(confirmed)] == confirmed
    assert entries[-1] == {"by": "end"}
