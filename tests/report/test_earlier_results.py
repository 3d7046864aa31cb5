"""What an earlier configuration left in the results is not shown: Snakemake deletes nothing that it no longer needs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boxsup.config.files import merge
from boxsup.report.experiment.results import read_seed
from helpers.pages import Page
from helpers.results_tree import Tree

pytestmark = pytest.mark.slow  # pages are made and read


@pytest.mark.parametrize(
    "change",
    [
        {"update": {"every": 2}},
        {"supervision": {"boxes": "rectangles"}},
        {"supervision": {"boxes": "grabcut", "masks": "none"}},
        {"supervision": {"masks": "all"}},
    ],
)
def test_only_generations_that_the_settings_ask_for_are_shown(tree: Tree, change: dict[str, Any]) -> None:
    tree.config["experiment"] = merge(tree.config["experiment"], change)
    page = Page(tree.report())
    data = json.loads(page.scripts[0])
    assert list(data["stores"]) == ["1"]
    assert [view["generation"] if isinstance(view, dict) else view for view in data["generations"]["views"]] == [1]
    assert "labels/002" not in page.text
    seed = read_seed(tree.run(), tree.plan())
    assert list(seed.quality["generation"]) == [1]
    assert list(seed.generations) == [1]


@pytest.mark.parametrize(("every", "shown"), [(1, [1, 2]), (2, [2]), (3, []), (0, [])])
def test_only_points_of_the_curve_that_the_settings_ask_for_are_shown(tree: Tree, every: int, shown: list[int]) -> None:
    tree.config["experiment"] = merge(tree.config["experiment"], {"validation": {"every": every}})
    assert list(read_seed(tree.run(), tree.plan()).validation) == shown
    assert ("No scores during training" in tree.report()) == (not shown)


def test_a_shorter_run_shows_its_epochs(tree: Tree) -> None:
    tree.epochs = 1
    (tree.seed() / "evaluation/002.csv").rename(tree.seed() / "evaluation/001.csv")
    seed = read_seed(tree.run(), tree.plan())
    assert (list(seed.generations), list(seed.validation), len(seed.loss)) == ([1], [1], 30)
