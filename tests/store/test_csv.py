import io

import numpy as np
import pandas as pd
import pytest

from boxsup.catalogue.check import write_problems
from boxsup.catalogue.records import Problem
from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue, read_catalogue, write_catalogue
from boxsup.evaluation.measured import Basis
from boxsup.evaluation.tables import read_table, score_table, write_table
from boxsup.store.csv import unescape_texts, write_csv

FORMULAS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '=HYPERLINK("http://x", "a")',
    "＝1",
]
PLAIN = ["cat", "a=b", "don't", "'tis", "-0.5", "+7", "-1e-05", "", "'-0.5", "a-b"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_written_as_text(tmp_path, text):
    write_csv(tmp_path / "a.csv", pd.DataFrame({"name": [text]}))
    assert pd.read_csv(tmp_path / "a.csv", dtype=str)["name"].tolist() == ["'" + text]


@pytest.mark.parametrize("text", PLAIN)
def test_other_text_stays_as_it_is(tmp_path, text):
    write_csv(tmp_path / "a.csv", pd.DataFrame({"name": [text], "b": [1]}))
    assert pd.read_csv(tmp_path / "a.csv", dtype=str, keep_default_na=False)["name"].tolist() == [text]


def test_all_texts_come_back(tmp_path):
    texts = [quotes + text for text in (*FORMULAS, *PLAIN) for quotes in ("", "'", "''")]
    write_csv(tmp_path / "a.csv", pd.DataFrame({"name": texts, "number": range(len(texts))}))
    table = unescape_texts(pd.read_csv(tmp_path / "a.csv", dtype={"name": str}, keep_default_na=False))
    assert table["name"].tolist() == texts


def test_numbers_and_missing_values_are_left(tmp_path):
    table = pd.DataFrame({"a": [-0.5, np.nan], "b": pd.array([-1, None], "Int64"), "c": ["-x", None]})
    write_csv(tmp_path / "a.csv", table, "%.2f")
    assert (tmp_path / "a.csv").read_text() == "a,b,c\n-0.50,-1,'-x\n,,\n"
    assert table["c"].tolist()[0] == "-x"


def test_a_catalogue_of_such_names_comes_back(tmp_path):
    images = pd.DataFrame([("-a", "=1.png", 4, 5, "", "@m")], columns=list(IMAGE_COLUMNS))
    boxes = pd.DataFrame([("-a", 1, 0, 0, 2, 2, 0, 0)], columns=list(BOX_COLUMNS))
    write_catalogue(tmp_path, Catalogue(images, boxes, ("background", "=cmd()", "'+x")))
    found = read_catalogue(tmp_path)
    assert found.classes == ("background", "=cmd()", "'+x")
    assert list(found.rows()) == [("-a", "=1.png", 4, 5, "", "@m")]
    assert found.boxes_of("-a").to_numpy().tolist() == boxes.to_numpy().tolist()
    for file in tmp_path.glob("*.csv"):
        cells = pd.read_csv(io.StringIO(file.read_text()), dtype=str, keep_default_na=False).to_numpy().ravel()
        assert not [cell for cell in cells if cell[:1] in tuple("=+-@")]


def test_scores_and_problems_of_such_names(tmp_path):
    confusion = np.array([[300, 0, 0], [100, 200, 0]])
    basis = Basis(("background", "=x"), confusion.sum(axis=1), images=1, objects=1)
    write_table(tmp_path / "scores.csv", score_table(basis, iou=confusion))
    assert "'=x," in (tmp_path / "scores.csv").read_text()
    assert read_table(tmp_path / "scores.csv")["class"].tolist() == ["background", "=x", "mean"]
    write_problems(tmp_path / "problems.csv", [Problem("-1+1", "@file", "=why")])
    assert (tmp_path / "problems.csv").read_text().splitlines()[1] == "'-1+1,'@file,'=why"
