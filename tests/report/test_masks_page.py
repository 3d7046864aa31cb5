"""The page of `boxsup masks --look`, in a headless browser."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from boxsup.image.files import read_image
from boxsup.masking.made import read_made
from boxsup.masking.table import masks_table
from boxsup.report.masks.overlays import browser_shows
from boxsup.report.masks.page import Pages
from helpers.masks_folder import write_masks_folder
from helpers.own_data import CLASSES

pytestmark = pytest.mark.slow  # a browser starts

HOSTILE = ("background", "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "ring\"' &amp; {{7*7}}")
CARDS = "[...document.querySelectorAll('.card')].map(card => [card.dataset.image, Number(card.dataset.object)])"


def look(out, classes=CLASSES):
    """Write the page of a folder of masks; returns it and the table."""
    made = read_made(out)
    table = masks_table(made.read_parts(), made.classes, (), made.images)
    return Pages(out, made.classes, table).write(made.read_parts()), table


@pytest.fixture
def shown(tmp_path, running):
    """The page of six pictures, in the browser."""
    page, table = look(write_masks_folder(tmp_path / "own", side=200))
    running.open(page)
    return running, page, table


def choose(browser, role, value):
    browser.value(
        f"(() => {{ const it = document.querySelector('[data-role={role}]'); it.value = '{value}'; "
        "it.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def listed(table):
    return [list(pair) for pair in zip(table["image"], table["object"], strict=True)]


def test_the_worst_are_first_and_filters_filter(shown):
    browser, _, table = shown
    by_score = table.sort_values("score", kind="stable")
    assert browser.value(CARDS) == listed(by_score)
    label = int(browser.value("document.querySelectorAll('[data-role=label] option')[1].value"))
    choose(browser, "label", label)
    assert browser.value(CARDS) == listed(by_score[by_score["class"] == CLASSES[label]])
    choose(browser, "label", "")
    choose(browser, "flag", "unsure")
    unsure = by_score[by_score["flags"].str.contains("unsure")]
    assert 0 < len(unsure) < len(table)
    assert browser.value(CARDS) == listed(unsure)
    choose(browser, "flag", "")
    choose(browser, "least", "0.5")
    assert browser.value(CARDS) == listed(by_score[by_score["score"] >= 0.5])
    choose(browser, "most", "0.6")
    assert browser.value(CARDS) == listed(by_score[by_score["score"].between(0.5, 0.6)])
    choose(browser, "most", "1")
    choose(browser, "least", "0")
    choose(browser, "find", "_03")
    assert browser.value(CARDS) == listed(by_score[by_score["image"] == "picture_03"])
    choose(browser, "order", "best")
    assert browser.value(CARDS) == listed(by_score[by_score["image"] == "picture_03"])[::-1]
    assert browser.complaints == []


def test_image_and_masks_are_side_by_side_and_keys_go_on(shown):
    browser, page, table = shown
    first, second = listed(table.sort_values("score", kind="stable"))[:2]
    browser.value("document.querySelector('.card').focus()")
    browser.press("Enter")
    loaded = "[...document.querySelectorAll('.stages img')].every(image => image.complete && image.naturalWidth)"
    browser.wait(loaded)
    widths = browser.value("[...document.querySelectorAll('.stages img')].map(image => image.naturalWidth)")
    assert widths == [read_image(page.parent / f"overlays/{first[0]}.jpg").shape[1]] * 2
    browser.press("ArrowRight")
    assert browser.value("document.querySelector('dialog h3').firstChild.data") == second[0]
    browser.press("p")
    assert browser.value("document.querySelector('dialog h3').firstChild.data") == first[0]
    browser.wait(loaded)
    browser.press("Escape")
    assert browser.value("document.querySelector('dialog[open]')") is None
    assert browser.complaints == []


def test_a_telephone(shown):
    browser, _, _ = shown
    browser.resize(360, 740)
    assert browser.value("document.documentElement.scrollWidth") == 360
    browser.click(".card")
    browser.wait("document.querySelector('dialog[open]') !== null")
    assert browser.value("document.querySelector('dialog').scrollWidth") <= 360


def test_hostile_names_are_text(tmp_path, running):
    name = "a<img src=x onerror='document.title=1'>{} & \"b\" %2e 'c' #d?e"
    page, _ = look(write_masks_folder(tmp_path / "own", 2, classes=HOSTILE, name=name))
    running.open(page)
    running.click(".card")
    running.wait("[...document.querySelectorAll('.stages img')].every(image => image.complete && image.naturalWidth)")
    assert "onerror" in running.value("document.querySelector('dialog h3').textContent")
    assert running.value("document.querySelectorAll('script').length") == 2
    assert running.value("document.title") == "masks · BoxSup"
    assert running.complaints == []


def test_what_browsers_show_otherwise_is_copied_as_it_is_stored(tmp_path, running):
    out = write_masks_folder(tmp_path / "own", 2)
    image = next((tmp_path / "own/images").iterdir())
    pixels = Image.open(image).convert("RGB")
    turned = Image.Exif()
    turned[274] = 6  # a quarter
    pixels.save(image, "JPEG", exif=turned, quality=95)
    page, _ = look(out)
    copied = read_image(out / f"overlays/photos/{image.stem}.jpg")
    assert copied.shape == (pixels.height, pixels.width, 3)
    assert np.abs(copied.astype(int) - np.asarray(pixels)).mean() < 10
    start = '<script type="application/json" id="data">'
    data = json.loads(page.read_text().partition(start)[2].partition("</script>")[0])
    assert data["files"][image.stem]["photo"] == f"overlays/photos/{image.stem}.jpg"


DAMAGED = {"no header": b"garbagegarbage", "cut off": b"II*\0", "a far entry": b"II*\0\xff\xff\xff\x7f"}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_damaged_exif_does_not_matter(tmp_path, kind, damage):
    out = write_masks_folder(tmp_path / "own", 2)
    image = next((tmp_path / "own/images").iterdir())
    pixels = np.asarray(Image.open(image).convert("RGB"))
    Image.fromarray(pixels).save(image, kind, exif=b"Exif\0\0" + DAMAGED[damage], lossless=True)
    look(out)
    np.testing.assert_array_equal(read_image(image), pixels)
    assert not (out / f"overlays/photos/{image.stem}.jpg").exists()  # a browser shows the file as we read it


def test_damaged_exif_in_a_text_of_a_png_does_not_matter(tmp_path):
    text = PngInfo()
    text.add_text("Raw profile type exif", "\nexif\n   12\nzzzz\n")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png", pnginfo=text)
    assert browser_shows(tmp_path / "a.png")


def test_very_many_boxes_have_small_pictures_and_the_page_says_how_many(tmp_path, monkeypatch):
    monkeypatch.setattr("boxsup.report.masks.page.MANY", 5)
    monkeypatch.setattr("boxsup.report.masks.page.MOST", 10)
    page, table = look(write_masks_folder(tmp_path / "own"))
    text = page.read_text()
    assert "The page has the 10 boxes with the lowest scores." in text
    assert len(table) > 10
