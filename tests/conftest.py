"""The project's own configuration, the real photographs where they are at hand, and what a run says at its end."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings

from boxsup.machine import workers
from helpers.browser import NAMES, Browser, find_browser
from helpers.paths import ROOT, real_data

# They hold no examples, and as modules to look for examples in they would all have one name.
collect_ignore_glob = ["*conftest.py"]
# No test is timed: a busy machine must not fail one.
settings.register_profile("boxsup", deadline=None, derandomize=True)
settings.register_profile("quick", settings.get_profile("boxsup"), max_examples=10)
settings.load_profile("boxsup")

# Tests that use one of these are slow: real photographs, a browser, Snakemake.
SLOW_FIXTURES = {"voc_mini", "coco_mini", "real_bsds", "running", "snakemake"}


def pytest_configure() -> None:
    """Heed Ctrl-C, and so do programs that tests start: a shell's script that says `make test &` has it ignored."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a slow fixture; processes that share the tests begin with the longest files."""
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.parent.name != "workflow")


@pytest.fixture(scope="session")
def config() -> dict[str, Any]:
    """The project's `config.yaml` as it stands."""
    return yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.fixture(scope="session")
def voc_mini() -> Path:
    """A tree in VOC layout of 755 real photographs."""
    return real_data("voc-mini/VOC2012")


@pytest.fixture
def processors(monkeypatch: pytest.MonkeyPatch) -> int:
    """As many processors as commands think that there are, on any machine: so many processes may they start."""
    monkeypatch.setattr("boxsup.commands.workers_argument.processors", lambda: 3)
    return 3


@pytest.fixture
def processes(processors: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Commands start the processes that they may, on any machine and for little work; how many each of them started."""
    started: list[int] = []
    start = workers.map_in_processes

    def noted(function: Any, calls: Any, number: int, *more: Any) -> Iterator[Any]:
        started.append(number)
        return start(function, calls, number, *more)

    monkeypatch.setattr(workers, "map_in_processes", noted)
    monkeypatch.setattr(workers, "WORTH_STARTING", 1e-9)
    return started


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line per reason how many tests were skipped, and in which folders."""
    counts: dict[str, Counter[str]] = {}
    for report in terminalreporter.getreports("skipped"):
        if not isinstance(report.longrepr, tuple):  # a failure that is expected
            continue
        reason = report.longrepr[2].removeprefix("Skipped: ")
        folder = report.nodeid.removeprefix("tests/").partition("/")[0].partition("::")[0]
        counts.setdefault(reason, Counter())[folder] += 1
    for reason, folders in sorted(counts.items()):
        total = folders.total()
        tests = "test" if total == 1 else "tests"
        terminalreporter.write_line(f"{total} {tests} skipped in {', '.join(sorted(folders))}: {reason}")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser without a page."""
    program = find_browser()
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    browser = Browser(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()
