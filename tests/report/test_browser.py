"""The page of an experiment as a person explores it, in a headless browser."""

from __future__ import annotations

import io
import re
import urllib.parse
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from boxsup.again import program
from boxsup.catalogue.tables import read_catalogue
from boxsup.image.files import read_image
from helpers.browser import Browser
from helpers.results_tree import CLASSES, Tree, write_run

pytestmark = pytest.mark.slow  # a browser starts

PREDICTIONS, GENERATIONS = "#explore-predictions", "#explore-generations"


@pytest.fixture
def browser(tree: Tree, open_page) -> Browser:
    """The page of the finished run."""
    tree.report()
    return open_page(tree.folder / "report.html")


def ids(browser: Browser, explorer: str) -> list[str]:
    return browser.value(f"[...document.querySelectorAll('{explorer} .card')].map(card => card.dataset.id)")


def paths(browser: Browser, where: str) -> list[list[str]]:
    """The labels and paths that the first picture there shows."""
    shown = "path => [path.dataset.label, path.getAttribute('d')]"
    return browser.value(
        f"[...document.querySelector('{where} .picture').querySelectorAll('.labels path')].map({shown})"
    )


def choose(browser: Browser, selector: str, value: str) -> None:
    browser.value(
        f"(() => {{ const it = document.querySelector(`{selector}`); it.value = '{value}'; "
        "it.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def test_it_shows_scores_and_pictures_on_paper_dark_ground_and_a_telephone(tree, browser, tmp_path) -> None:
    score = pd.read_csv(tree.seed() / "evaluation/002.csv")["iou_crf"].iloc[-1]
    assert browser.value("document.querySelector('#miou-crf').textContent") == f"{100 * score:.1f} %"
    sizes = {"desk": (1280, 900), "telephone": (360, 740)}
    grounds = {}
    for name, (width, height) in sizes.items():
        for dark in (False, True):
            browser.resize(width, height)
            browser.dark(dark)
            assert browser.value("document.documentElement.scrollWidth") == width
            browser.value(f"document.querySelector('{PREDICTIONS}').scrollIntoView({{ behavior: 'instant' }})")
            browser.screenshot(tmp_path / "shot.png")
            shot = read_image(tmp_path / "shot.png")
            assert shot.shape[:2] == (height, width)
            assert len(np.unique(shot @ [1, 256, 65536])) > 500  # photographs
            grounds[name, dark] = np.median(shot)
    assert all((ground < 60) == dark for (_, dark), ground in grounds.items())


def test_the_slider_moves_the_image(browser) -> None:
    def view() -> str:
        return browser.value("document.querySelector('dialog[open] figcaption').textContent")

    browser.value(f"document.querySelector('{GENERATIONS} .card').focus()")
    browser.press("Enter")
    last = paths(browser, "dialog[open]")
    assert view() == "generation 2"
    browser.press("ArrowLeft")
    first = paths(browser, "dialog[open]")
    assert view() == "generation 1"
    assert first != last
    assert paths(browser, f"{GENERATIONS} .cards") == first  # the cards follow
    browser.press("ArrowLeft")
    assert view() == "generation 1"
    browser.value("document.querySelector('dialog[open] [type=range]').focus()")
    browser.press("ArrowRight")
    assert view() == "generation 2"
    assert paths(browser, "dialog[open]") == last
    browser.press("Escape")
    assert browser.value("document.querySelector('dialog[open]')") is None
    browser.value(f"document.querySelector('{GENERATIONS} > .tools [type=range]').focus()")
    browser.press("ArrowLeft")
    assert paths(browser, f"{GENERATIONS} .cards") == first


def test_a_prediction_leads_to_its_picture_at_full_size(tree, browser) -> None:
    browser.click(f"{PREDICTIONS} .card")
    link = browser.value("document.querySelector('dialog[open] .detail a').getAttribute('href')")
    assert link == f"pictures/{ids(browser, PREDICTIONS)[0]}.jpg"
    assert (tree.folder / link).is_file()


def test_what_a_box_chose_and_what_it_cost(tree, browser) -> None:
    choose(browser, f"{GENERATIONS} [data-role=order]", "listed")
    shown = ids(browser, GENERATIONS)
    assert shown == [f"train_{i:03d}" for i in (1, 2, 3, 4)]  # 000 keeps its mask
    browser.click(f"{GENERATIONS} .card[data-id=train_001]")
    rows = "[...document.querySelectorAll('dialog[open] tbody tr')].map(row => row.innerText.split('\\t'))"
    assert browser.value(rows) == [["no candidate fits: its rectangle is used"]]
    captions = "[...document.querySelectorAll('dialog[open] caption')].map(caption => caption.innerText)"
    assert browser.value(captions) == ["1 dog <b>"]
    browser.press("n")
    assert browser.value("document.querySelector('dialog[open] h3').firstChild.data") == "train_002"
    assert browser.value(rows) == [["1", "0.25", "-0.50", "0.75"], ["0", "0.25", "-0.50", "0.75"]]
    assert browser.value("document.querySelector('dialog[open] .chosen').innerText") == "0"
    command = browser.value("document.querySelector('dialog[open] pre').textContent")
    assert command == f"{program('boxsup')} show results/demo_semi/seed-0/labels/002.zarr train_002"
    outline = "document.querySelector('dialog[open] .outline').getAttribute('d')"
    chosen = browser.value(outline)
    browser.value("document.querySelector('dialog[open] tbody tr').focus()")
    runner_up = browser.value(outline)
    assert chosen != runner_up
    assert re.findall(r"^M(\d+) ", chosen)[0] == "0"  # candidate 0 is the left half of the picture, 1 the right one
    assert re.findall(r"^M(\d+) ", runner_up)[0] == "32"
    browser.press("p")
    assert browser.value("document.querySelector('dialog[open] h3').firstChild.data") == "train_001"


def test_filters_filter_and_orders_order(tree, browser) -> None:
    val = read_catalogue(tree.val)
    assert sorted(ids(browser, PREDICTIONS)) == val.ids
    scores = browser.value(
        f"[...document.querySelectorAll('{PREDICTIONS} .note')].map(note => parseFloat(note.innerText.slice(5)))"
    )
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]
    worst_first = ids(browser, PREDICTIONS)
    choose(browser, f"{PREDICTIONS} [data-role=order]", "score:-1")
    assert ids(browser, PREDICTIONS) == worst_first[::-1]
    choose(browser, f"{PREDICTIONS} [data-role=label]", "1")
    cats = set(val.boxes["image"][val.boxes["label"] == 1])
    assert set(ids(browser, PREDICTIONS)) == cats
    assert 0 < len(cats) < len(val.ids)
    choose(browser, f"{PREDICTIONS} [data-role=find]", "_002")
    assert ids(browser, PREDICTIONS) == ["val_002"]
    assert browser.value(f"document.querySelector('{PREDICTIONS} [data-role=count]').textContent") == "1 of 4 images"
    choose(browser, f"{PREDICTIONS} [data-role=find]", "none such")
    assert ids(browser, PREDICTIONS) == []


def test_what_is_shown_can_be_chosen(browser) -> None:
    seen = {}
    for value in ("0", "1", "truth", "photo"):
        browser.value(f"document.querySelector('{PREDICTIONS} [value=\"{value}\"]').click()")
        seen[value] = paths(browser, f"{PREDICTIONS} .cards")
    assert seen["photo"] == []
    assert seen["truth"]
    assert len({str(found) for found in seen.values()}) == 4


def test_a_box_worth_a_look_opens_its_image(browser) -> None:
    cards = "[...document.querySelectorAll('#odd-boxes .card')].map(card => card.innerText.split('\\n'))"
    assert ["no candidate fits: its rectangle is used"] in [card[1:] for card in browser.value(cards)]
    browser.click("#odd-boxes .card")
    name = browser.value("document.querySelector('#odd-boxes .card small').textContent")
    assert browser.value("document.querySelector('dialog[open] h3').firstChild.data") == name
    assert browser.value("document.querySelectorAll('dialog[open] .box').length") == 1


def test_classes_are_sorted_and_set_beside_another_experiment(tree, open_page) -> None:
    other = Tree(tree.config, folder=Path("results/demo_box"))
    write_run(other, 0)
    table = pd.read_csv(other.seed() / "evaluation/002.csv").assign(iou_crf=[0.5, 0.25, None, 0.375])
    table.to_csv(other.seed() / "evaluation/002.csv", index=False)
    tree.report("--beside", '{"demo_box": {"seeds": [0], "epochs": 2}, "not_run": {"seeds": [0], "epochs": 2}}')
    browser = open_page(tree.folder / "report.html")
    own = 100 * pd.read_csv(tree.seed() / "evaluation/002.csv")["iou_crf"].round(3)
    rows = "[...document.querySelectorAll('.results tbody tr')].map(row => [...row.cells].map(cell => cell.innerText))"
    beside = {row[0]: row[5:7] for row in browser.value(rows)}
    assert beside["background"][0] == "50.0"
    assert float(beside["background"][1].replace("−", "-")) == pytest.approx(own[0] - 50, abs=0.051)
    assert beside["dog <b>"] == ["", ""]
    options = browser.value("[...document.querySelectorAll('#beside option')].map(option => option.value)")
    assert options == ["demo_box", ""]
    choose(browser, "#beside", "")
    assert {tuple(row[5:7]) for row in browser.value(rows)} == {("", "")}
    for order in (-1, 1):
        browser.click(".results th:nth-child(3) button")
        found = [float(row[2]) for row in browser.value(rows)]
        assert found[:-1] == sorted(found[:-1], reverse=order < 0)
        assert browser.value(rows)[-1][0] == "mean"
    assert set(CLASSES) < {row[0] for row in browser.value(rows)}


def test_generations_play(browser) -> None:
    browser.click(f"{GENERATIONS} [data-do=play]")
    done = f"document.querySelector('{GENERATIONS} [data-do=play]').ariaPressed === 'false'"
    assert browser.value(f"document.querySelector('{GENERATIONS} output').value") == "1"
    wait = f"new Promise(end => setInterval(() => {done} && end(true), 50))"
    assert browser.value(wait)
    assert browser.value(f"document.querySelector('{GENERATIONS} output').value") == "2"


def go(browser, fragment: str) -> None:
    """Follow a link to a fragment of the page, and wait until the page has heeded it."""
    heeded = "addEventListener('hashchange', () => setTimeout(done), {once: true})"
    browser.value(f"new Promise(done => {{ {heeded}; location.hash = {fragment!r} }})")


def test_an_image_a_generation_and_a_filter_have_a_link(browser) -> None:
    browser.click(f"{GENERATIONS} .card[data-id=train_002]")
    browser.press("ArrowLeft")
    link = "#generations?image=train_002&generation=1"
    browser.wait(f"location.hash === {link!r}")
    browser.press("Escape")
    browser.wait("location.hash === '#generations?generation=1'")
    go(browser, link)
    opened = "document.querySelector('dialog[open] h3').firstChild.data"
    assert browser.value(opened) == "train_002"
    browser.press("Escape")
    browser.wait("location.hash === '#generations?generation=1'")
    go(browser, "#predictions?class=1&order=score%3A-1&find=_002&show=truth")
    assert ids(browser, PREDICTIONS) == ["val_002"]
    chosen = f"[...document.querySelectorAll('{PREDICTIONS} select')].map(select => select.value)"
    assert browser.value(chosen) == ["1", "score:-1"]
    assert browser.value(f"document.querySelector('{PREDICTIONS} > .tools [data-role=view]:checked').value") == "truth"
    go(browser, "#generations?image=none&generation=99&class=77&order=evil&show=%3Cb%3E")
    assert browser.value("document.querySelector('dialog[open]')") is None
    assert len(ids(browser, GENERATIONS)) == 4


def test_a_page_opens_where_its_link_says(tree, running) -> None:
    tree.report()
    page = tree.folder / "report.html"
    running.open(page, fragment="#generations?image=train_003&generation=1")
    assert running.value("document.querySelector('dialog[open] h3')?.firstChild.data") == "train_003"
    assert running.value("document.querySelector('dialog[open] figcaption').textContent") == "generation 1"
    assert running.complaints == []


def test_scores_follow_what_is_shown(tree, browser) -> None:
    def notes(explorer: str) -> list[str]:
        return browser.value(f"[...document.querySelectorAll('{explorer} .note')].map(note => note.textContent)")

    last = notes(GENERATIONS)
    choose(browser, f"{GENERATIONS} > .tools [data-role=step]", "0")
    assert all(note.startswith("mIoU ") for note in [*last, *notes(GENERATIONS)])
    assert notes(GENERATIONS) != last
    choose(browser, f"{GENERATIONS} > .tools [data-role=step]", "1")
    assert notes(GENERATIONS) == last
    with_crf = notes(PREDICTIONS)
    browser.value(f"document.querySelector('{PREDICTIONS} [value=\"1\"]').click()")
    plain = notes(PREDICTIONS)
    assert all(note.endswith("% without CRF") for note in plain)
    assert [note.split()[1] for note in plain] != [note.split()[1] for note in with_crf]


def test_a_training_picture_leads_to_its_full_size(tree, browser) -> None:
    browser.click(f"{GENERATIONS} .card")
    link = browser.value("document.querySelector('dialog[open] .detail a').getAttribute('href')")
    assert link == f"pictures/training/{ids(browser, GENERATIONS)[0]}.jpg"
    assert read_image(tree.folder / link).shape == (48, 3 * 64 + 2 * 8, 3)  # photograph with boxes, labels, true mask


def test_tables_are_offered_as_csv_and_classes_in_their_order(tree, browser) -> None:
    rows = "[...document.querySelectorAll('#results tbody tr')].map(row => row.cells[0].innerText.trim())"
    listed = browser.value(rows)
    browser.click("#results th:nth-child(3) button")
    browser.click("#results th:nth-child(3) button")
    assert browser.value(rows) != listed
    browser.click("#results th:nth-child(1) button")
    assert browser.value(rows) == listed
    browser.value("document.querySelector('#results .csv').dispatchEvent(new Event('focus'))")
    href = browser.value("document.querySelector('#results .csv').href")
    assert browser.value("document.querySelector('#results .csv').download") == "demo_semi-results.csv"
    table = pd.read_csv(io.StringIO(urllib.parse.unquote(href.partition(",")[2])))
    assert table["Class"].str.strip().tolist() == [*CLASSES, "mean"]
    own = pd.read_csv(tree.seed() / "evaluation/002.csv")["iou_crf"]
    np.testing.assert_allclose(table["with CRF %"], 100 * own, atol=0.051)
    assert browser.value("csvCell('=1+1')") == "'=1+1"
    assert [browser.value(f"csvCell({text!r})") for text in ("−1.5", 'a "b", c')] == ["-1.5", '"a ""b"", c"']


def test_a_run_of_boxes_alone_opens_with_what_is_known(tree, open_page) -> None:
    for split in (tree.train, tree.val):
        pd.read_csv(split / "images.csv").assign(mask="").to_csv(split / "images.csv", index=False)
    for number in (1, 2):
        path = tree.seed() / f"labels/{number:03d}.csv"
        pd.read_csv(path).assign(miou=np.nan, fill=np.nan, images=0, objects=0, classes=0).to_csv(path, index=False)
    for path in tree.seed().glob("epochs/*/val.csv"):
        path.unlink()
    tree.evaluate(0)
    splits = {"train": {"images": "images", "annotations": "labels", "masks": "none"}}
    tree.config["dataset"] |= {"format": "yolo", "root": "my data", "splits": splits}
    tree.report()
    browser = open_page(tree.folder / "report.html")
    assert browser.value("document.querySelector('#known-boxes').textContent") == "4"  # one image keeps its true mask
    assert browser.value("document.querySelector('#known-expected').firstChild.data") == "0.75"
    assert "not measured: no image has a true mask" in browser.value("document.querySelector('#why').textContent")
    command = browser.value("document.querySelector('pre.next').textContent")
    assert "masks --images 'my data/images' --boxes 'my data/labels' --model results/demo_semi" in command
    sections = browser.value("[...document.querySelectorAll('nav.sections a')].map(link => link.hash)")
    assert sections[0] == "#look"
    assert "#results" not in sections
    cells = browser.value("[...document.querySelectorAll('section td')].map(cell => cell.innerText)")
    assert cells.count("–") < len(cells) / 4
    titles = browser.value("[...document.querySelectorAll('#quality th')].map(title => title.textContent)")
    assert "mIoU %" not in titles
    orders = "[...document.querySelectorAll('{} [data-role=order] option')].map(option => option.value)"
    assert browser.value(orders.format(PREDICTIONS)) == ["listed"]
    assert browser.value(orders.format(GENERATIONS))[0] == "sure:1"
    note = browser.value(f"document.querySelector('{GENERATIONS} .note').textContent")
    assert note.startswith("expected IoU 0.75")
