"""The page of proposals, its curves and its crops, on a small split with two methods."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from boxsup.catalogue.tables import read_catalogue
from boxsup.cli import main
from boxsup.evaluation.proposals import BUDGET_NAMES
from boxsup.report.proposals.curves import write_png
from boxsup.report.proposals.gallery import crop_around, object_rows, shares
from boxsup.report.proposals.results import published, read_method, rows_at
from helpers.pages import Page
from helpers.proposal_tree import CLASSES, FOLDER, SIDE, SPLIT, write_method, write_split

pytestmark = pytest.mark.slow  # pages are made and read


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two evaluated methods on a split of eight images; paths in it are relative to the folder."""
    root = tmp_path_factory.mktemp("proposals")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_split(8)
        write_method("fine", 8)
        write_method("coarse", 16)
    return root


@pytest.fixture
def report(finished, monkeypatch):
    """Write the page and read it."""
    monkeypatch.chdir(finished)

    def write(kind="voc", proposals=("coarse", "fine"), out="page.html"):
        config = {"dataset": {"format": kind}, "proposals": {name: {"method": "grid"} for name in proposals}}
        options = {"dataset": "demo", "split": "val", "config": json.dumps(config), "catalogue": SPLIT}
        options |= {"folder": FOLDER, "out": out}
        main(["proposals", "report", *(text for key, value in options.items() for text in (f"--{key}", str(value)))])
        return Path(out).read_text(encoding="utf-8")

    return write


def test_the_page_is_well_formed_and_asks_for_nothing_else(report, finished):
    text = report()
    page = Page(text)
    assert page.open == []
    assert page.loads
    assert all(load.startswith(("data:image/", "#")) for load in page.loads)
    assert len(page.ids) == len(set(page.ids))
    assert {anchor[1:] for anchor in page.anchors if anchor.startswith("#")} <= set(page.ids)
    assert "url(http" not in text
    assert str(finished) not in text
    assert len(text) < 3e6
    assert "dog &lt;b&gt;" in text
    assert report() == text  # the same bytes


def test_numbers_on_the_page_are_those_of_the_tables(report):
    page = Page(report())
    for name in ("fine", "coarse"):
        last = pd.read_csv(FOLDER / name / "evaluation/summary.csv").iloc[-1]
        shown = [f"{last[column]:.3f}" for column in ("j_i", "j_c", "recall_50", "recall_70", "recall_85")]
        expected = [name, f"{last['candidates']:.0f}", *shown, f"{last['best_box_iou']:.3f}"]
        assert [*expected, "–", f"{last['bytes'] / 1e3:.1f}"] in page.rows
    assert ["", "100", "0.638", "0.704", "0.701", "0.500", "0.277"] not in page.rows  # the first row has the name
    assert ["MCG", "100", "0.638", "0.704", "0.701", "0.500", "0.277", ""] in page.rows
    assert ["5,138", "0.808", "0.843", "0.922", "0.772", "0.529", "42.2"] in page.rows


def test_the_best_method_comes_first_and_stands_in_the_headline(report):
    text = report()
    best = pd.read_csv(FOLDER / "fine/evaluation/summary.csv")["j_i"].iloc[-1]
    assert f'<dd id="best">{best:.3f}</dd>' in text
    assert "of fine, the best" in Page(text).text
    assert text.index(">fine</th>") < text.index(">coarse</th>")


@pytest.mark.parametrize(("kind", "badge"), [("shapes", "demo data"), ("voc", "a subset in VOC layout")])
def test_what_is_not_all_of_voc_says_so(report, kind, badge):
    assert badge in Page(report(kind)).text


def test_one_method_alone_is_a_page(report):
    text = Page(report(proposals=("fine",), out="one.html")).text
    assert "of fine" in text
    assert "averaged over the methods" not in text


@pytest.mark.parametrize(
    ("proposals", "message"),
    [((), "proposals: expected at least one"), (("nope",), "nope/evaluation/summary.csv: no such table")],
)
def test_mistakes_are_one_line(report, capsys, proposals, message):
    with pytest.raises(SystemExit):
        report(proposals=proposals, out="wrong.html")
    assert message in capsys.readouterr().err
    assert not Path("wrong.html").exists()


def test_evaluations_of_other_objects_are_refused(report, capsys):
    path = FOLDER / "fine/evaluation/objects.csv"
    whole = path.read_text()
    path.write_text("\n".join(whole.splitlines()[:-1]) + "\n")
    with pytest.raises(SystemExit):
        report(out="wrong.html")
    path.write_text(whole)
    assert "fine/evaluation: other objects than those of coarse" in capsys.readouterr().err


def test_best_middle_and_worst_objects_are_of_different_images(finished, monkeypatch):
    monkeypatch.chdir(finished)
    catalogue, methods = read_catalogue(SPLIT), [read_method(FOLDER, name) for name in ("fine", "coarse")]
    rows = object_rows(catalogue, methods)
    assert [len(rows[title]) for title in ("Best", "Middle", "Worst")] == [3, 2, 3]
    images = [row.image for group in rows.values() for row in group]
    assert len(set(images)) == len(images)
    assert all(len(row.pictures) == 3 for group in rows.values() for row in group)
    mean = sum(method.objects["iou_all"] for method in methods)
    best = methods[0].objects.loc[mean.idxmax()]
    assert rows["Best"][0].image == best["image"]
    share = 100 * best["area"] / (SIDE[0] * SIDE[1])
    assert rows["Best"][0].note == f"{CLASSES[best['label']]}, {share:.2g} % of the image"
    assert shares(catalogue, methods[0].objects).iloc[0] == pytest.approx(14 * 16 / (48 * 64))


sides = st.integers(1, 300)


@given(sides, sides, st.data())
def test_a_crop_lies_in_the_image_and_around_the_box(height, width, data):
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    left, top, right, bottom = crop_around((x0, y0, x1, y1), height, width)
    assert 0 <= left <= x0
    assert x1 <= right <= width
    assert 0 <= top <= y0
    assert y1 <= bottom <= height


def test_published_results_are_curves_that_rise():
    tables = published()
    assert list(tables) == ["MCG", "SCG", "CPMC", "GOP", "SS"]
    for table in tables.values():
        assert table.index[-1] == "all"
        assert (np.diff(table["candidates"]) > 0).all()
        assert (np.diff(table["j_i"]) > 0).all()
        assert (table[["recall_50", "recall_70", "recall_85"]].diff(axis=1).iloc[:, 1:] < 0).all(axis=None)
    assert tables["MCG"].loc["2000", "j_i"] == pytest.approx(0.781, abs=5e-4)


def test_budgets_beyond_all_candidates_have_no_row_of_their_own():
    table = pd.DataFrame({"candidates": np.minimum([*map(int, BUDGET_NAMES[:-1]), 1e9], 600)}, index=[*BUDGET_NAMES])
    assert list(rows_at(table, ("100", "500", "1000")).index) == ["100", "500", "all"]


def test_curves_as_a_picture(finished, monkeypatch, tmp_path):
    monkeypatch.chdir(finished)
    tables = {name: read_method(FOLDER, name).summary for name in ("fine", "coarse")}
    for name in ("a.png", "b.png"):
        write_png(tmp_path / name, tables, published(), "8 pictures")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 2 * picture.height
        assert len(picture.convert("RGB").getcolors(2**24)) > 50
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_charts_are_well_formed_and_follow_the_theme(report):
    text = report()
    charts = ["<svg" + part.split("</svg>")[0] + "</svg>" for part in text.split("<svg")[1:]]
    assert len(charts) == 4
    for svg in charts:
        ElementTree.fromstring(svg)
        assert "var(--blue)" in svg
        assert "#0" not in svg.replace("url(#", "").replace('href="#', "")
    assert all("var(--muted)" in svg for svg in charts[:3])
