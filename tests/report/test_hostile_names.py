"""Names that are HTML or shell commands are shown on every page as what they are: text."""

from __future__ import annotations

import json
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest

from boxsup.again import program
from boxsup.cli import main
from boxsup.config.resolve import resolve
from boxsup.experiments.experiment import ExperimentPlan
from helpers import proposal_tree, results_tree
from helpers.pages import SCRIPT, Page
from helpers.results_tree import Tree, record

pytestmark = pytest.mark.slow  # pages are made and read

NAMES = ("background", '"><script src=x>alert(1)</script>', "</title><img src=x onerror='alert(1)'>{{7*7}} $x^2$ &amp;")
IMAGE = "\"><img src=x onerror=alert(1)>; touch x $(x) '"


class Elements(HTMLParser):
    """The elements of a page, the names of their attributes, the scripts that would run, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.text = ""
        self.scripts: list[str] = []
        self.runs = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, ""), *((tag, name) for name, _ in attrs)}
        self.runs = tag == "script" and attrs != [("type", "application/json"), ("id", "data")]
        self.scripts += [""] * self.runs

    def handle_endtag(self, tag: str) -> None:
        self.runs = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.runs:
            self.scripts[-1] += data


def is_harmless(page: str) -> bool:
    """Whether nothing runs in a page but our own script, once at most."""
    elements = Elements(page)
    ours = elements.scripts in ([], [SCRIPT])
    return ours and not any(
        tag in ("iframe", "object", "embed") or name.startswith("on") for tag, name in elements.found
    )


def test_the_oracle_sees_an_attack():
    assert not is_harmless(f"<p>{NAMES[1]}")
    assert not is_harmless(f"<p>{NAMES[2]}")
    assert not is_harmless(f'<img alt="{IMAGE}">')
    assert not is_harmless(f'<script type="application/json" id="data">{{"name": "</script>{NAMES[1]}"}}</script>')
    assert not is_harmless('<script type="application/json" id="data" src="x"></script>')
    assert not is_harmless(f"<script>{SCRIPT}</script><script>{SCRIPT}</script>")
    assert is_harmless(f"<script>{SCRIPT}</script>")
    assert is_harmless("<p>&lt;script>")


@pytest.fixture
def hostile_ids(monkeypatch):
    """Catalogues whose image ids are HTML."""
    write = results_tree.write_catalogue

    def renamed(folder, catalogue):
        for table in (catalogue.images, catalogue.boxes):
            table["image"] = table["image"] + IMAGE
        write(folder, catalogue)

    monkeypatch.setattr(results_tree, "write_catalogue", renamed)
    monkeypatch.setattr(proposal_tree, "write_catalogue", renamed)


@pytest.fixture
def hostile(tmp_path, monkeypatch, config, hostile_ids) -> Tree:
    """A finished run whose classes and images are called by HTML."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(results_tree, "CLASSES", NAMES)
    experiment = resolve(config)["experiments"]["demo_semi"]
    dataset = {**config["datasets"]["demo"], "root": IMAGE, "classes": list(NAMES[1:])}
    tree = Tree({"experiment": experiment, "dataset": dataset, "proposals": {"method": NAMES[2]}})
    results_tree.write_split(tree.train, 5)
    results_tree.write_split(tree.val, 4)
    results_tree.write_run(tree, 0)
    return tree


def test_the_page_of_an_experiment(hostile):
    page = hostile.report()
    assert is_harmless(page)
    text = Elements(page).text
    assert [name for name in (*NAMES, IMAGE) if name not in text] == []
    data = json.loads(Page(page).scripts[0])
    assert [own["name"] for own in data["classes"]] == list(NAMES)
    assert all(own["id"].endswith(IMAGE) for own in data["predictions"]["pictures"])


def test_the_error_analysis(hostile):
    drawn = {"evaluated": f"demo, {IMAGE}", "refined": False, "tables": [str(hostile.seed() / "trimap/002.csv")]}
    config = json.dumps({"experiments": {NAMES[1]: drawn, "<b>$x^2$": drawn}})
    main(["trimap", "plot", "--config", config, "--out", "trimap.html"])
    page = Path("trimap.html").read_text()
    assert is_harmless(page)
    assert NAMES[1] in Elements(page).text


def test_the_page_of_the_paper(hostile, config):
    run = {"voc_box": {"name": "demo_semi", "settings": hostile.config["experiment"] | {"epochs": hostile.epochs}}}
    own = run["voc_box"]["settings"]
    known = {"datasets": config["datasets"], "proposals": config["proposals"], "starts": {}}
    record(hostile, 0, ExperimentPlan("demo_semi", {**known, "experiments": {"demo_semi": own}}))
    config = {"full": {}, "small": run, "settings": own, "demo": True, **known}
    options = {
        "page": NAMES[1],
        "config": json.dumps(config),
        "results": "results",
        "tables": "tables",
        "out": "p.html",
    }
    main(["paper", *(text for key, value in options.items() for text in (f"--{key}", value))])
    page = Path("p.html").read_text()
    assert is_harmless(page)
    text = Elements(page).text
    assert NAMES[1] in text
    assert IMAGE in text


def test_the_page_of_proposals(tmp_path, monkeypatch, hostile_ids):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(proposal_tree, "CLASSES", NAMES)
    proposal_tree.write_split(4)
    proposal_tree.write_method("fine", 8)
    config = {"dataset": {"format": "voc", "root": NAMES[1]}, "proposals": {"fine": {"method": NAMES[2]}}}
    options = {"dataset": NAMES[1], "split": NAMES[2], "config": json.dumps(config), "catalogue": proposal_tree.SPLIT}
    options |= {"folder": proposal_tree.FOLDER, "out": "page.html"}
    main(["proposals", "report", *(text for key, value in options.items() for text in (f"--{key}", str(value)))])
    page = Path("page.html").read_text()
    assert is_harmless(page)
    text = Elements(page).text
    assert [name for name in (NAMES[1], NAMES[2], IMAGE) if name not in text] == []


def test_names_in_a_browser_are_text_and_runs_nothing(hostile, open_page) -> None:
    hostile.report()
    browser = open_page(hostile.folder / "report.html")
    shown = browser.value("[...document.querySelectorAll('#explore-generations .card')].map(card => card.dataset.id)")
    assert shown
    assert all(name.endswith(IMAGE) for name in shown)
    browser.click("#explore-generations .card")
    assert IMAGE in browser.value("document.querySelector('dialog[open] h3').textContent")
    shown = browser.value("document.querySelector('dialog[open] pre').textContent")
    store = str(hostile.seed() / "labels/002.zarr")
    assert shlex.split(shown) == [program("boxsup"), "show", store, browser.value("explorers.generations.item.id")]
    assert browser.value("[document.scripts.length, document.querySelectorAll('[onerror]').length]") == [2, 0]


def test_a_script_that_gets_in_is_not_run(tree, open_page) -> None:
    page = tree.folder / "report.html"
    attack = "<script>document.title = 'broken'</script><img src=data:, onerror='document.title = 1'>"
    page.write_text(tree.report().replace("<main>", f"<main>{attack}"), encoding="utf-8")
    browser = open_page(page)
    assert browser.value("document.title") == "demo_semi · BoxSup"
    assert browser.value("document.querySelectorAll('.card').length") > 0  # ours does
    assert sum("Content Security Policy" in said for said in browser.complaints) == 2
    browser.complaints.clear()
