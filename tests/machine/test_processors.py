"""How many processors a process may run on, by its affinity and by control groups."""

import os

import pytest

from boxsup.machine import processors
from boxsup.machine.processors import group_quota


def test_no_more_than_the_affinity_allows():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert processors.processors() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_without_affinity_as_on_macos_all_processors_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(processors, "group_quota", lambda own, root: float("inf"))
    assert processors.processors() == os.cpu_count()


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("0::/job", {"job/cpu.max": "250000 100000\n"}, 2.5),
        ("0::/job/step", {"job/cpu.max": "150000 100000\n", "job/step/cpu.max": "max 100000\n"}, 1.5),
        ("0::/", {"cpu.max": "400000 100000\n"}, 4),
        ("4:cpu,a:/job", {"cpu,a/job/cpu.cfs_quota_us": "50000", "cpu,a/job/cpu.cfs_period_us": "100000"}, 0.5),
        ("4:cpu:/job", {"cpu/job/cpu.cfs_quota_us": "-1", "cpu/job/cpu.cfs_period_us": "100000"}, float("inf")),
        ("7:memory:/job", {"memory/job/cpu.max": "1 100"}, float("inf")),
        ("0::/job", {"job/cpu.max": "nonsense"}, float("inf")),
        ("0::/gone", {}, float("inf")),
    ],
)  # fmt: skip
def test_control_groups_of_both_versions_allow_what_the_strictest_does(tmp_path, line, files, expected):
    own = tmp_path / "cgroup"
    own.write_text(f"{line}\n")
    for name, text in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(text)
    assert group_quota(own, tmp_path / "fs") == expected


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert group_quota(tmp_path / "none", tmp_path) == float("inf")


def test_threads_that_share_processors_are_noted(monkeypatch, capsys):
    monkeypatch.setattr(processors, "processors", lambda: 2)
    processors.note_few_processors(2)
    assert capsys.readouterr().err == ""
    processors.note_few_processors(4)
    assert capsys.readouterr().err.startswith("note: 4 threads of torch share 2 processors, as training.threads says")
