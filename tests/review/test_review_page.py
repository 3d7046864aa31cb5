"""The page of a review as a person uses it, in a headless browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from boxsup.catalogue.reviewed import Reviewed
from boxsup.image.files import read_image
from boxsup.review.ahead import Ahead
from boxsup.review.of_masks import subject_of_masks
from helpers.browser import MIDDLE, Browser
from helpers.masks_folder import write_masks_folder

pytestmark = pytest.mark.slow  # a browser starts

SHOWN, READY = "document.body.dataset.shown", "document.body.dataset.ready"
TEXT = "document.querySelector('{}').textContent"


def text(browser: Browser, selector: str) -> str:
    return browser.value(TEXT.format(selector))


def place(browser: Browser) -> int:
    return int(browser.value("location.hash.slice(1)"))


def ready(browser: Browser) -> None:
    """Wait until the box that is shown has its candidates."""
    browser.wait(f"{READY} === location.hash.slice(1) && {SHOWN} === location.hash.slice(1)")


def open_review(browser: Browser, address: str, width: int = 1280) -> None:
    browser.visit(address, width)
    ready(browser)


def decide(browser: Browser, served, *keys: str) -> dict:
    """Press keys, the last of which decides; returns the new line of the journal."""
    before, count = place(browser), len(served.lines())
    browser.press(*keys)
    browser.wait(f"location.hash.slice(1) !== '{before}'")
    ready(browser)
    lines = served.lines()
    assert len(lines) == count + 1
    return lines[-1]


def standing(served, number: int) -> np.ndarray | None:
    """The mask of the decision that stands on a box."""
    box = served.subject.boxes[number]
    return Reviewed(served.subject.journal).latest()[box.key].pixels(box.height, box.width)


def test_every_key_that_decides_writes_its_line(served, running):
    open_review(running, served.address)
    order, boxes = served.session.order, served.subject.boxes
    assert place(running) == order[0]
    assert boxes[order[0]].score == min(box.score for box in boxes)  # the worst first
    line = decide(running, served, "1")
    assert (line["verdict"], line["iou"], line["drawn"]) == ("mask", 1.0, False)
    assert (standing(served, order[0]) == served.subject.mask(order[0])).all()
    assert place(running) == order[1]
    _, options = served.session.options(order[1])
    line = decide(running, served, "2")
    assert line["verdict"] == "mask"
    assert (standing(served, order[1]) == options[1]).all()
    assert order[2] in served.session.drawn
    line = decide(running, served, "r")
    x0, y0, x1, y1 = boxes[order[2]].corners
    assert (standing(served, order[2]).sum(), line["drawn"]) == ((x1 - x0) * (y1 - y0), True)
    line = decide(running, served, "x")
    assert (line["verdict"], line["mask"], line["iou"]) == ("nothing", None, 0.0)
    line = decide(running, served, "V")
    assert (line["verdict"], line["mask"], line["iou"]) == ("void", None, None)
    line = decide(running, served, "Enter")
    assert line["iou"] == 1.0
    assert text(running, "#progress") == f"6 of {len(boxes)} boxes decided"
    assert running.complaints == []


def test_the_page_asks_again_for_candidates_that_take_long(serve, masks, running):
    """A process that starts needs seconds for the first ones; a request gives up much earlier."""
    subject = subject_of_masks(masks)
    ahead = Ahead(subject.look, 1)
    served = serve(subject, ahead, patience=0.2)
    open_review(running, served.address)
    assert text(running, "#making") == ""
    assert running.requests.count(next(each for each in running.requests if "/options/" in each)) > 1
    ahead.close()


def test_other_keys_write_nothing(served, running):
    open_review(running, served.address)
    order = served.session.order
    running.press("n")
    running.wait(f"location.hash === '#{order[1]}'")
    running.press("ArrowRight")
    running.wait(f"location.hash === '#{order[2]}'")
    running.press("b")
    running.wait(f"location.hash === '#{order[1]}'")
    running.press("ArrowLeft")
    running.wait(f"location.hash === '#{order[0]}'")
    ready(running)
    for key, name in {"f": "whole", "h": "hide", "e": "box"}.items():
        pressed = f"document.querySelector('[data-do={name}]').ariaPressed"
        running.press(key)
        running.wait(f"{pressed} === 'true'")
        running.press(key)
        running.wait(f"{pressed} === 'false'")
    running.press("u")
    running.wait("document.querySelector('#message').textContent === 'There is nothing to undo.'")
    running.press("c")
    running.wait("document.activeElement.id === 'class'")
    running.press("Escape")
    running.wait("document.activeElement === document.body")
    running.press("5", "9")
    assert served.lines() == [] or len(served.lines()) == 1  # there may be a fifth candidate; 9 is none
    assert running.complaints == []


def test_undo_is_a_line_and_leads_back(served, running):
    open_review(running, served.address)
    first, second = served.session.order[:2]
    made = decide(running, served, "x")
    other = decide(running, served, "r")
    running.press("u")
    running.wait(f"location.hash === '#{second}'")
    running.press("U")
    running.wait(f"location.hash === '#{first}'")
    assert served.lines()[2:] == [{"undo": other["decision"]}, {"undo": made["decision"]}]
    assert Reviewed(served.subject.journal).latest() == {}
    assert text(running, "#progress").startswith("0 of")


def test_a_click_adds_a_superpixel_or_takes_it_away(served, running):
    open_review(running, served.address)
    number = place(running)
    box, made = served.subject.boxes[number], served.subject.mask(number)
    superpixels = served.session.options(number)[0].superpixels
    x0, y0, x1, y1 = box.corners
    inside = np.zeros_like(made)
    inside[y0:y1, x0:x1] = True
    present = np.unique(superpixels[inside]).tolist()
    shares = {each: made[inside & (superpixels == each)].mean() for each in present}
    for wanted, chosen in ((False, min(present, key=shares.get)), (True, max(present, key=shares.get))):
        assert (shares[chosen] > 0.5) == wanted
        rows, columns = np.nonzero(inside & (superpixels == chosen))
        click_pixel(running, columns[0], rows[0])
        running.wait("document.querySelector('#state').textContent.includes('Changed')")
        expected = (made | (superpixels == chosen)) if not wanted else (made & ~(superpixels == chosen))
        line = decide(running, served, "Enter")
        assert (standing(served, number) == (expected & inside)).all()
        assert line["iou"] < 1
        running.press("u")
        running.wait(f"location.hash === '#{number}'")
        ready(running)


def click_pixel(browser: Browser, x: int, y: int) -> None:
    """Click on a pixel of the image."""
    script = """([x, y]) => {
      const { left, top } = document.querySelector('#canvas').getBoundingClientRect();
      const size = box.scale * box.fit;
      return [left + (x + 0.5 - box.origin[0]) * size, top + (y + 0.5 - box.origin[1]) * size];
    }"""
    browser.click_at(*browser.value(f"({script})({json.dumps([int(x), int(y)])})"))


def test_a_small_picture_shows_its_mask_and_decides_nothing(served, running):
    open_review(running, served.address)
    number = place(running)
    options = served.session.options(number)[1]
    running.click("[data-option='1']")
    running.wait("document.querySelector('#state').textContent.includes('Changed')")
    assert served.lines() == []
    running.press("Escape")
    running.wait("!document.querySelector('#state').textContent.includes('Changed')")
    running.click("[data-option='1']")
    running.wait("document.querySelector('#state').textContent.includes('Changed')")
    decide(running, served, "Enter")
    assert (standing(served, number) == options[1]).all()


def test_class_and_box_can_be_corrected(served, running):
    open_review(running, served.address)
    number = place(running)
    box = served.subject.boxes[number]
    others = [name for name in served.subject.classes[1:] if name != box.key.class_name]
    event = "it.dispatchEvent(new Event('change'))"
    change = "(() => {{ const it = document.querySelector(`{}`); it.value = `{}`; " + event + "; }})()"
    running.value(change.format("#class", others[0]))
    running.value(change.format("[data-side='2']", box.corners[2] - 3))
    line = decide(running, served, "Enter")
    assert (line["class"], line["to_class"]) == (box.key.class_name, others[0])
    x0, y0, x1, y1 = box.corners
    assert (line["box"], line["to_box"]) == ([x0, y0, x1, y1], [x0, y0, x1 - 3, y1])
    assert not standing(served, number)[:, x1 - 3 :].any()


def test_corners_are_dragged(served, running):
    open_review(running, served.address)
    number = place(running)
    running.press("e")
    running.wait("document.querySelectorAll('#handles circle').length === 4")
    x, y = running.value(f"({MIDDLE})('#handles circle')")
    for kind, by in (("mousePressed", 0), ("mouseMoved", 25), ("mouseReleased", 25)):
        running.send("Input.dispatchMouseEvent", type=kind, x=x + by, y=y + by, button="left", buttons=1, clickCount=1)
    line = decide(running, served, "r")
    moved, before = line["to_box"], list(served.subject.boxes[number].corners)
    assert moved[0] > before[0]
    assert moved[1] > before[1]
    assert moved[2:] == before[2:]


def test_a_reload_shows_the_state(served, running):
    open_review(running, served.address)
    first = place(running)
    decide(running, served, "x")
    shown = place(running)
    running.value("delete document.body.dataset.ready")
    running.reload()
    ready(running)
    assert place(running) == shown
    assert text(running, "#progress").startswith("1 of")
    running.value("document.querySelector('details').open = true")
    running.click("#decided button")
    running.wait(f"location.hash === '#{first}'")
    assert text(running, "#state").startswith("Decided: nothing is in it.")
    running.press("u")  # also after the reload
    running.wait("document.querySelector('#progress').textContent.startsWith('0 of')")


def test_two_tabs_lose_nothing(served, running):
    open_review(running, served.address)
    first = running._session
    second = running.new_tab()
    open_review(running, served.address)
    one = decide(running, served, "x")
    running.go_to(first)
    two = decide(running, served, "v")  # on the same box, which this tab did not know to be decided
    assert one["image"] == two["image"]
    assert [line["verdict"] for line in served.lines()] == ["nothing", "void"]
    three = decide(running, served, "1")
    running.go_to(second)
    running.value("window.dispatchEvent(new Event('focus'))")
    running.wait("document.querySelector('#progress').textContent.startsWith('2 of')")
    running.press("u")  # takes back what this tab decided, and not what the other did
    running.wait("actions.then(() => true)")
    assert served.lines()[-1] == {"undo": one["decision"]}
    numbers = {decision.number for decision in Reviewed(served.subject.journal).latest().values()}
    assert numbers == {two["decision"], three["decision"]}
    running.send("Page.close")
    running.go_to(first)


def test_a_killed_server_loses_nothing_and_the_page_says_what_was_not_saved(masks, running, tmp_path):
    copied = write_masks_folder(tmp_path / "own", 2)
    journal = copied / "reviewed.jsonl"
    command = [sys.executable, "-m", "boxsup", "review", str(copied), "--no-browser"]

    def start() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        line = next(line for line in process.stderr if "http://" in line)
        return process, re.search(r"http://\S+", line)[0]

    server, address = start()
    try:
        running.visit(address)
        running.wait(f"{SHOWN} !== undefined")
        first = place(running)
        running.press("x")
        running.wait(f"location.hash !== '#{first}' && {SHOWN} === location.hash.slice(1)")
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        shown = place(running)
        running.press("r")
        running.wait("!document.querySelector('#message').hidden")
        assert "does not answer" in text(running, "#message")
        assert place(running) == shown  # it stays, undecided
        assert text(running, "#progress").startswith("1 of")
        with journal.open("ab") as file:  # as if the machine had crashed while a line was written
            file.write(b'{"decision":"torn')
    finally:
        server.kill()
        server.stderr.close()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        lines = [next(process.stderr) for _ in range(2)]
        assert "its last line is torn" in lines[0]
        running.visit(re.search(r"http://\S+", lines[1])[0])
        running.wait("document.querySelector('#progress').textContent.startsWith('1 of')")
        running.wait(f"{SHOWN} !== undefined")
        running.press("v")
        running.wait("document.querySelector('#progress').textContent.startsWith('2 of')")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    reviewed = Reviewed(journal)
    assert sorted(decision.verdict for decision in reviewed.latest().values()) == ["nothing", "void"]
    assert reviewed.journal.unreadable == [2]


HOSTILE = ("background", "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "ring\"' &amp; {{7*7}}")


def test_hostile_names_are_text(running, serve, tmp_path):
    name = "a<img src=x onerror='document.title=1'>{} & \"b\" %2e%2e 'c'"
    folder = write_masks_folder(tmp_path / "own", 2, classes=HOSTILE, name=name)
    subject = subject_of_masks(folder)
    ahead = Ahead(subject.look, 1)
    served = serve(subject, ahead)
    try:
        open_review(running, served.address)
        number = place(running)
        box = served.subject.boxes[number]
        assert box.image in text(running, "#about")
        assert text(running, "#about strong") == box.key.class_name
        options = running.value("[...document.querySelectorAll('#class option')].map(each => each.textContent)")
        assert options == list(HOSTILE[1:])
        line = decide(running, served, "1")
        assert (line["image"], line["class"]) == (box.image, box.key.class_name)
        running.value("document.querySelector('details').open = true")
        assert box.image in text(running, "#decided button")
        assert running.value("document.querySelectorAll('img, script').length") == 1  # our script
        assert running.complaints == []
        assert all(request.startswith(served.address) for request in running.requests)
    finally:
        ahead.close()


def test_a_small_box_of_a_large_photograph_is_shown_pixel_by_pixel(served, running, monkeypatch):
    monkeypatch.setattr("boxsup.review.app.SIDE", 80)  # the photographs of this test have 96 px and more
    boxes = served.subject.boxes
    number = min(range(len(boxes)), key=lambda each: np.ptp(np.reshape(boxes[each].corners, (2, 2)), axis=0).max())
    running.visit(f"{served.address}#{number}")
    ready(running)
    made = served.subject.mask(number)
    x0, y0, x1, y1 = running.value("box.view")
    assert [x1 - x0, y1 - y0] == running.value("[box.wide, box.high]") != [boxes[number].width, boxes[number].height]
    np.testing.assert_array_equal(running.value("Array.from(base())"), made[y0:y1, x0:x1].ravel())
    click_pixel(running, *np.argwhere(made)[0][::-1])
    running.wait("document.querySelector('#state').textContent.includes('Changed')")
    running.press("f")
    running.wait(f"document.body.dataset.view === '0-0-{boxes[number].width}-{boxes[number].height}'")
    assert running.value("Math.max(box.wide, box.high)") == 80
    assert "Changed" in text(running, "#state")  # what was clicked stays
    running.press("f")
    running.wait(f"document.body.dataset.view === '{x0}-{y0}-{x1}-{y1}'")
    running.press("e")
    running.value("setSide(2, box.width); act(widen)")
    running.wait(f"document.body.dataset.view.split('-')[2] === '{boxes[number].width}'")
    decide(running, served, "1")
    np.testing.assert_array_equal(standing(served, number)[y0:y1, x0:x1], made[y0:y1, x0:x1])
    assert running.complaints == []


def test_five_thousand_boxes(running, serve, tmp_path):
    subject = subject_of_masks(write_masks_folder(tmp_path / "own", 60, copies=28, side=64))
    assert len(subject.boxes) >= 5000
    ahead = Ahead(subject.look, 1)
    served = serve(subject, ahead)
    try:
        running.visit(served.address)
        running.wait(f"{SHOWN} !== undefined")
        for expected in range(1, 32):
            shown = place(running)
            running.press("1" if expected % 3 else "x")
            running.wait(f"location.hash !== '#{shown}'")
        assert re.match(r"3\d of 6,\d{3} boxes decided", text(running, "#progress"))
        assert "with 90 % certainty" in text(running, "#estimate")
    finally:
        ahead.close()


def test_a_telephone(served, running, tmp_path):
    open_review(running, served.address, 360)
    assert running.value("document.documentElement.scrollWidth") == 360
    assert running.value("document.querySelector('#canvas').getBoundingClientRect().width") <= 360
    running.screenshot(tmp_path / "shot.png")
    shot = read_image(tmp_path / "shot.png")
    assert len(np.unique(shot @ [1, 256, 65536])) > 500  # a photograph
    shown = place(running)
    running.click("[data-do=nothing]")
    running.wait(f"location.hash !== '#{shown}'")
    assert served.lines()[-1]["verdict"] == "nothing"


def test_it_says_what_share_is_right_and_when_to_stop(running, serve, tmp_path):
    subject = subject_of_masks(write_masks_folder(tmp_path / "own", 20, side=64))
    ahead = Ahead(subject.look, 1)
    served = serve(subject, ahead, target=0.5)
    try:
        running.visit(served.address)
        running.wait(f"{SHOWN} !== undefined")
        assert (
            text(running, "#estimate")
            == "After 30 more decisions this page says what share of the other masks is right."
        )
        for _ in range(30):
            shown = place(running)
            running.press("1")
            running.wait(f"location.hash !== '#{shown}'")
        said = text(running, "#estimate")
        found = re.match(r"Of the (\d+) masks that nobody looked at, about (\d+) % are right", said)
        assert int(found[1]) == len(subject.boxes) - 30
        assert int(found[2]) > 80  # all that were looked at were right
        assert "You can stop" in said
    finally:
        ahead.close()


@pytest.fixture(autouse=True)
def fresh(running: Browser) -> None:
    """No decision of another test counts as this tab's."""
    running.send("Page.navigate", url="about:blank")


def test_pages_are_in_the_package():
    root = Path(__file__).parents[2] / "boxsup/report/review"
    assert {path.suffix for path in root.iterdir()} >= {".js", ".css", ".j2"}
