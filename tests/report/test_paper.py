"""The page that sets experiments beside the paper's tables."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from boxsup.cli import main
from boxsup.config.files import merge
from boxsup.config.published import name_in_family, published_experiments, published_rows, published_values
from boxsup.config.resolve import resolve
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.image.files import read_mask
from helpers.pages import Page
from helpers.results_tree import Tree, record, write_masked, write_run

pytestmark = pytest.mark.slow  # pages are made and read


@pytest.fixture
def settings(config: dict[str, Any]) -> dict[str, Any]:
    """Of demo_semi, as the workflow resolves them, with the tree's number of epochs and its candidates."""
    return {**resolve(config)["experiments"]["demo_semi"], "epochs": 2, "proposals": "selective_search"}


@pytest.fixture
def page(tree: Tree, settings: dict[str, Any], config: dict[str, Any]):
    """Make the page of voc_semi's counterpart, demo_semi, whose evaluation records its settings; text and tables."""
    known = {key: deepcopy(config[key]) for key in ("datasets", "proposals")}

    def make(
        changed: dict[str, Any] | None = None,
        recorded: bool = True,
        known_now: dict[str, Any] | None = None,
    ) -> tuple[str, dict[str, pd.DataFrame]]:
        write_masked(tree)
        plan = ExperimentPlan("demo_semi", {**known, "experiments": {"demo_semi": settings}})
        for seed in settings["seeds"] if recorded else []:
            record(tree, seed, plan)
        entry = {"voc_semi": {"name": "demo_semi", "settings": merge(settings, changed or {})}}
        own = {"full": {}, "small": entry, "settings": settings, "demo": True, "starts": {}}
        text = json.dumps({**own, **merge(known, known_now or {})})
        arguments = ["--config", text, "--results", "results", "--tables", "paper/tables", "--out", "paper/report.html"]
        main(["paper", "--page", "paper_demo", *arguments])
        tables = {path.stem: pd.read_csv(path) for path in Path("paper/tables").iterdir()}
        return Path("paper/report.html").read_text(encoding="utf-8"), tables

    return make


def scores(tree: Tree, column: str, seeds: tuple[int, ...] = (0,)) -> np.ndarray:
    return np.array([pd.read_csv(tree.seed(seed) / "evaluation/002.csv")[column].iloc[-1] for seed in seeds])


def test_what_was_run_stands_beside_what_was_published_and_the_rest_is_empty(tree: Tree, page) -> None:
    text, tables = page()
    shown = Page(text)
    assert shown.open == []
    assert all(load.startswith(("data:image/", "#")) for load in shown.loads)
    crf, plain = (f"{100 * scores(tree, column)[0]:.1f}" for column in ("iou_crf", "iou"))
    boundary = f"{100 * scores(tree, 'boundary_iou_crf')[0]:.1f}"
    assert ["semi: masks and boxes of VOC", "63.5", crf, plain, boundary, "1"] in shown.rows
    assert ["box: boxes of VOC", "62.0", "", "", "", ""] in shown.rows
    assert ["semi: masks and boxes of VOC", "66.2", "", "", "", ""] in shown.rows  # the test set: the server's alone
    assert "5 images of demo train, mobilenet_v2_8s, 2 epochs" in shown.text
    assert "demo data, not PASCAL VOC" in shown.text
    first = tables["table1"].set_index("row")
    assert first["small"].notna().sum() == 1
    assert first.loc["semi: masks and boxes of VOC", "small"] == pytest.approx(
        100 * scores(tree, "iou_crf")[0], abs=0.01
    )


def test_a_run_says_what_it_was_measured_on_and_where_nothing_was(tree: Tree, page) -> None:
    assert "2 epochs, val: over 4 images, 4 objects, 2 of 2 classes and the background" in page()[0]
    for mask in (tree.val / "files").glob("*-mask.png"):
        Image.fromarray(np.zeros_like(read_mask(mask))).save(mask)
    tree.evaluate(0)
    text, tables = page()
    shown = Page(text)
    assert ["semi: masks and boxes of VOC", "63.5", "not measured", "", "", "1"] in shown.rows
    assert "val: not measured: the true masks of 4 images show no class" in text
    assert tables["table1"]["small"].isna().all()
    assert tables["measured"]["mean_iou"].isna().all()
    assert "trimap-small" not in text


def test_measured_runs_are_listed_a_row_a_seed_and_use_of_the_crf(tree: Tree, settings, page) -> None:
    settings["seeds"] = [0, 1]
    write_run(tree, 1)
    text, tables = page()
    measured = tables["measured"]
    assert list(measured.columns) == [
        "experiment", "seed", "network", "epochs", "images", "crf", "mean_iou", "label_mean_iou",
        "boundary_iou", "boundary_f", "label_boundary_iou", "label_boundary_f",
    ]  # fmt: skip
    assert measured[["seed", "crf"]].to_numpy().tolist() == [[0, False], [0, True], [1, False], [1, True]]
    both = 100 * scores(tree, "iou_crf", (0, 1))
    np.testing.assert_allclose(measured["mean_iou"][measured["crf"]], both, atol=0.01)
    quality = [100 * pd.read_csv(tree.seed(seed) / "labels/002.csv")["miou"].iloc[0] for seed in (0, 1)]
    np.testing.assert_allclose(measured["label_mean_iou"][measured["crf"]], quality, atol=0.01)
    assert f"{both.mean():.1f} ± {both.std(ddof=1):.1f}" in text
    for name in ("boundary_iou", "boundary_f"):
        for end, rows in (("", ~measured["crf"]), ("_crf", measured["crf"])):
            np.testing.assert_allclose(measured[name][rows], 100 * scores(tree, f"{name}{end}", (0, 1)), atol=0.01)
        quality = [100 * pd.read_csv(tree.seed(seed) / "labels/002.csv")[name].iloc[0] for seed in (0, 1)]
        np.testing.assert_allclose(measured[f"label_{name}"][measured["crf"]], quality, atol=0.01)


def test_scores_without_a_crf_are_not_called_scores_with_one(tree: Tree, settings, page) -> None:
    settings["inference"] = merge(settings["inference"], {"crf": {"iterations": 0}})
    text, tables = page()
    plain = f"{100 * scores(tree, 'iou')[0]:.1f}"
    assert ["semi: masks and boxes of VOC", "63.5", "no CRF", plain, "", "1"] in Page(text).rows
    assert tables["measured"]["crf"].tolist() == [False]
    assert tables["table1"][["small", "small_boundary"]].isna().all(axis=None)
    assert tables["table1"]["small_plain"].notna().sum() == 1
    assert "val, no dense CRF: over 4 images" in text
    assert "%, with CRF" not in text


def test_a_run_whose_settings_are_recorded_is_shown_without_a_note(page) -> None:
    text, tables = page()
    assert len(tables["measured"]) == 2
    assert "left-out" not in Page(text).ids


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"update": {"k": 7}}, "update.k"),
        ({"network": {"name": "fcn8s"}}, "network.name"),
        ({"training": {"rate": 0.5}}, "training.rate"),
        ({"schedule": {"policy": "step"}}, "schedule.policy"),
        ({"proposals": "geodesic"}, "proposals.method"),
        ({"supervision": {"masks": "none"}}, "supervision.masks"),
        ({"supervision": {"masks": "all"}}, "supervision.masks"),
        ({"supervision": {"boxes": "rectangles"}}, "supervision.boxes"),
        ({"validation": {"held_out": 1}}, "validation.held_out"),
        ({"inference": {"crf": {"iterations": 3}}}, "inference.crf.iterations"),
    ],
)
def test_a_run_with_other_settings_is_left_out_and_this_is_said(page, capsys, change, said) -> None:
    text, tables = page(change)
    assert tables["measured"].empty
    assert f"demo_semi, seed 0 (other {said}" in text
    assert "left out, of other settings or of unknown ones: demo_semi, seed 0" in capsys.readouterr().err


def test_a_run_of_more_epochs_is_none_of_fewer(page) -> None:
    assert page({"epochs": 3})[1]["measured"].empty


def test_a_run_on_other_data_is_left_out(page) -> None:
    text, tables = page(known_now={"datasets": {"demo": {"shapes": {"seed": 5}}}})
    assert tables["measured"].empty
    assert "other datasets.demo.shapes.seed" in text


def test_what_changes_no_result_leaves_no_run_out(page) -> None:
    faster = {"training": {"workers": 7, "threads": 9}, "inference": {"workers": 5}, "validation": {"every": 9}}
    assert len(page(faster, known_now={"datasets": {"demo": {"shards": 9}}})[1]["measured"]) == 2


def test_a_run_that_does_not_record_its_settings_is_left_out_and_this_is_said(page, capsys) -> None:
    text, tables = page(recorded=False)
    assert tables["measured"].empty
    assert "demo_semi, seed 0 (no record of its settings)" in text
    assert "demo_semi, seed 0 (no record of its settings)" in capsys.readouterr().err


def test_a_table_without_scores_of_boundaries_is_no_finished_evaluation(tree: Tree, page) -> None:
    path = tree.seed() / "evaluation/002.csv"
    table = pd.read_csv(path)
    table.drop(columns=[name for name in table if name.startswith("boundary_")]).to_csv(path, index=False)
    text, tables = page()
    assert tables["measured"].empty
    assert "left-out" not in Page(text).ids


def test_a_run_that_is_not_whole_is_no_run(tree: Tree, page) -> None:
    page()
    for store in ("predictions", "labels"):
        path = tree.seed() / f"{store}/002.zarr"
        path.rename(path.with_name("apart"))
        text, tables = page(recorded=False)
        assert tables["measured"].empty
        assert "left-out" not in Page(text).ids
        path.with_name("apart").rename(path)
    assert len(page(recorded=False)[1]["measured"]) == 2


def test_a_record_that_is_not_readable_leaves_the_run_out(tree: Tree, page) -> None:
    page()
    tree.run().scored(2).write_text("{", encoding="utf-8")
    assert page(recorded=False)[1]["measured"].empty


def test_values_stand_beside_the_papers(settings, page) -> None:
    rows = {row[0]: row for row in Page(page()[0]).rows if row}
    assert rows["weight of E_r"][1:3] == ["3", str(settings["update"]["lambda"])]
    assert rows["pretraining"][1:3] == ["ImageNet", "imagenet"]


def test_every_published_experiment_and_value_is_in_the_configuration(config, settings) -> None:
    assert set(published_experiments()) <= set(config["experiments"])
    for value in published_values():
        found: Any = settings
        for part in value.key.split("."):
            found = found[part]


def test_published_rows_are_those_of_the_papers_tables() -> None:
    rows = published_rows()
    assert [sum(row.table == number for row in rows) for number in range(1, 6)] == [5, 5, 3, 5, 2]
    assert [row.published for row in rows if row.table == 2] == [52.3, 55.2, 58.5, 59.7, 62.0]


def test_families_share_the_published_names() -> None:
    assert name_in_family("voc_box_greedy", "demo") == "demo_box_greedy"
    assert name_in_family("voc_box_greedy", "voc") == "voc_box_greedy"
    assert name_in_family("context_mask", "voc") == "context_mask"
    assert name_in_family("context_mask", "demo") == ""
