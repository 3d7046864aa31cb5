"""The tree of results that the tests of this folder read, made once and copied for each; and a browser."""

from __future__ import annotations

import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from boxsup.config.files import merge
from helpers.browser import Browser
from helpers.results_tree import Tree, write_run, write_split


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two epochs, seed 0, on made-up pictures; paths in it are relative to the folder."""
    root = tmp_path_factory.mktemp("finished")
    tree = Tree({})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_split(tree.train, 5)
        write_split(tree.val, 4)
        write_run(tree, 0)
    return root


@pytest.fixture
def tree(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]) -> Tree:
    """A copy of the finished run in the working directory."""
    shutil.copytree(finished / "results", tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    config = deepcopy(config)  # the tests change theirs; the session's serves the others
    experiment = merge(
        merge(config["defaults"], config["experiments"]["demo_semi"]), {"seeds": [0], "validation": {"every": 1}}
    )
    proposals = config["proposals"]["selective_search"]
    return Tree({"experiment": experiment, "dataset": config["datasets"]["demo"], "proposals": proposals})


@pytest.fixture
def open_page(running: Browser):
    """Open a page; at the end nothing may have been complained of, and no other file been asked for."""
    opened: list[Path] = []

    def start(page: Path) -> Browser:
        opened.append(page)
        running.open(page)
        return running

    yield start
    assert running.complaints == []
    assert running.requests == [page.resolve().as_uri() for page in opened]
