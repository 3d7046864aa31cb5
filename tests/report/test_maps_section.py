"""The object maps of a run on its page and in `boxsup show`."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from boxsup.catalogue.tables import read_catalogue
from boxsup.cli import main
from boxsup.evaluation.object_maps import MapQuality
from boxsup.image.boxes import on_image
from boxsup.image.files import read_image
from boxsup.labels.choice import Chosen
from boxsup.objects.maps import ObjectMaps, object_pixels
from boxsup.report.experiment.generation_picture import Generation, choices, picture, surest_map
from boxsup.report.experiment.generations import shown_choice
from boxsup.report.experiment.object_maps import calibration_cells, pick_boxes
from boxsup.report.shared.pictures import HEAT, Picture
from helpers.browser import Browser
from helpers.pages import Page
from helpers.results_tree import Tree, write_generation, write_run

MAPS = "#explore-objects"
NAN = float("nan")


@pytest.fixture
def mapped(tree: Tree) -> Tree:
    """A run whose boxes chose by object maps."""
    tree.maps = True
    shutil.rmtree(tree.seed() / "labels")
    for number in (1, 2):
        write_generation(tree, 0, number)
    return tree


def shown(text: str) -> list[dict]:
    return json.loads(Page(text).scripts[0])["objects"]["pictures"]


@pytest.mark.slow
def test_sentences_are_apart(mapped: Tree) -> None:
    mapped.config["experiment"]["seeds"] = [0, 1]
    write_run(mapped, 1)
    text = Page(mapped.report()).text
    assert "Numbers are means over 2 seeds." in text
    assert re.findall(r"\w*[a-z]\.[A-Z][a-z]+", text) == []


@pytest.mark.slow
def test_a_run_without_object_networks_has_no_section(tree: Tree) -> None:
    text = tree.report()
    page = Page(text)
    assert "objects" not in page.ids
    assert "#objects" not in page.anchors
    assert shown(text) == []
    assert "E_b" not in page.text
    assert json.loads(page.scripts[0])["generations"]["costs"] == ["Eₒ", "Eᵣ", "Expected IoU"]


@pytest.mark.slow
def test_the_worst_map_comes_first_beside_what_the_box_chose(mapped: Tree) -> None:
    text = mapped.report()
    page = Page(text)
    assert {"objects", "explore-objects"} <= set(page.ids)
    pictures = shown(text)
    scores = [each["score"] for each in pictures]
    assert pictures[0]["id"] == "train_004"  # nowhere surer than a half
    assert scores == sorted(scores)
    assert scores[0] == 0
    assert {each["id"] for each in pictures} == {f"train_{i:03d}" for i in (1, 2, 3, 4)}  # 000 keeps its mask
    assert next(each for each in pictures if each["id"] == "train_001")["distance"] is None  # it chose its rectangle
    words = re.sub(r"\s+", " ", page.text)
    assert "All 4 boxes, seed 0, each with its margin, by the IoU of the map, the worst first" in words
    assert json.loads(page.scripts[0])["generations"]["costs"] == ["Eₒ", "Eᵣ", "E_b", "Expected IoU"]
    assert "E_b the distance from the box's object map" in words


@pytest.mark.slow
def test_each_seed_has_a_row_with_maps_beside_segments(mapped: Tree) -> None:
    mapped.config["experiment"]["seeds"] = [0, 1]
    write_run(mapped, 1)
    text = mapped.report()
    table = [row for row in Page(text).rows if len(row) == 6 and row[0] in ("0", "1") and row[1] == "4"]
    assert [row[0] for row in table] == ["0", "1"]
    pictures = shown(text)
    maps, segments = (np.mean([each[name] for each in pictures]) for name in ("score", "segment_iou"))
    distance = np.linspace(0.1, 0.5, 5)[2:].mean() + 0.25  # of generation 2, where boxes chose their second best
    assert table[0][2:4] == [f"{distance:.3f}", "4"]
    assert [float(cell) for cell in table[0][4:]] == pytest.approx([maps, segments], abs=0.06)


@pytest.mark.slow
def test_a_picture_has_the_map_where_the_box_is(mapped: Tree) -> None:
    item = next(each for each in shown(mapped.report()) if each["id"] == "train_002")
    box = read_catalogue(mapped.train).boxes.iloc[2]
    assert max(item["width"], item["height"]) == 240
    x0, y0, x1, y1 = item["heat"]["corners"]
    assert (x1 - x0) / (y1 - y0) == pytest.approx(24 / 20, rel=0.01)
    margins = min(5, box["x0"]), min(4, box["y0"])
    assert [x0, y0] == pytest.approx([margin * (x1 - x0) / 24 for margin in margins], abs=0.1)
    with Image.open(io.BytesIO(base64.b64decode(item["heat"]["map"]))) as heat:
        opacity = np.asarray(heat.convert("RGBA"))[..., 3]
    held = ObjectMaps([mapped.run().object_maps(1, 0, 2)])["train_002"][0]
    assert opacity.shape == held.shape
    assert (opacity[held == 255] > 180).all()
    assert (opacity[held == 0] < 20).all()
    assert item["true"]
    assert item["segment"]


@pytest.mark.slow
def test_without_true_masks_the_choice_farthest_from_its_map_comes_first(mapped: Tree) -> None:
    images = pd.read_csv(mapped.train / "images.csv").assign(mask="")
    images.to_csv(mapped.train / "images.csv", index=False)
    text = mapped.report()
    pictures = shown(text)
    assert [each["id"] for each in pictures] == [f"train_{i:03d}" for i in (4, 3, 2, 1)]  # 001 chose its rectangle
    assert {each["score"] for each in pictures} == {None}
    assert {each["true"] for each in pictures} == {""}
    words = re.sub(r"\s+", " ", Page(text).text)
    assert "by E_b, the farthest first" in words
    assert "so no IoU is known" in words
    assert (
        '<option value="score:1">worst first</option>'
        not in text.split('id="explore-objects"')[1].split("</select>")[1]
    )


@pytest.mark.slow
def test_maps_that_were_removed_have_no_section(mapped: Tree) -> None:
    shutil.rmtree(mapped.seed() / "objects")
    assert "objects" not in Page(mapped.report()).ids
    main(["show", str(mapped.seed() / "labels/002.zarr"), "train_002", "--out", "one.png"])
    assert read_image("one.png").shape[1] == 640


@pytest.mark.slow
def test_object_maps_are_explored_in_a_browser(mapped: Tree, open_page) -> None:
    mapped.report()
    browser: Browser = open_page(mapped.folder / "report.html")

    def order() -> list[str]:
        return browser.value(f"[...document.querySelectorAll('{MAPS} .card')].map(card => card.dataset.id)")

    def choose(role: str, value: str) -> None:
        browser.value(
            f"(() => {{ const it = document.querySelector(`{MAPS} [data-role={role}]`); it.value = '{value}'; "
            "it.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )

    worst = order()
    assert worst[0] == "train_004"
    assert browser.value(f"document.querySelector('{MAPS} [data-role=count]').textContent") == "4 of 4 boxes"
    assert browser.value(f"document.querySelector('{MAPS} .note').textContent").startswith("map 0.0 %, segment ")
    choose("order", "score:-1")
    assert order()[-1] == "train_004"
    choose("order", "distance:-1")
    assert order() == ["train_004", "train_003", "train_002", "train_001"]  # what is unknown comes last
    choose("label", "1")
    assert order() == ["train_004", "train_002"]
    choose("label", "")
    browser.click(f"{MAPS} .card")
    found = "document.querySelectorAll('dialog[open] .picture ' + mark).length"
    marks = f"['.heat', '.outline.true', '.outline:not(.true)'].map(mark => {found})"
    assert browser.value(marks) == [1, 1, 1]
    assert browser.value("document.querySelector('dialog[open] .heat').getBoundingClientRect().width") > 100
    browser.press("ArrowRight")
    assert browser.value(marks) == [0, 1, 1]  # outlines on the photograph
    browser.press("ArrowRight")
    assert browser.value(marks) == [0, 0, 0]  # the photograph
    browser.press("n")
    assert browser.value("document.querySelector('dialog[open] h3').firstChild.data") == "train_003"


def quality(maps: list[float], distance: list[float]) -> MapQuality:
    of_boxes = (np.array(values) for values in (distance, maps, maps, maps))
    return MapQuality(np.ones(len(maps), bool), *of_boxes)


def test_what_is_expected_of_segments_is_judged_where_enough_of_them_are_known() -> None:
    ious = np.linspace(0.5, 0.9, 40)
    expected = replace(quality(ious.tolist(), [0.1] * 40), expected=ious - 0.05)
    # Ten bins of four, each 0.05 below; ranks are the same. Of four values that rise by 0.01 each the error is 0.007.
    assert calibration_cells(expected) == ["−5.0", "5.0", "0.5", "1.00"]
    unknown = replace(expected, segments=np.where(ious < 0.8, NAN, ious))
    assert unknown.calibration.masks == 11 - 1
    assert calibration_cells(unknown) == ["–"] * 4


def test_the_worst_are_picked_and_one_of_each_class(finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    catalogue = read_catalogue(Tree({}).train)
    known = quality([0.9, 0.1, 0.5, 0.3, 0.7], [0.1] * 5)
    assert pick_boxes(known, catalogue) == [1, 3, 2, 4, 0]
    assert pick_boxes(known, catalogue, count=2) == [1, 3]
    assert pick_boxes(quality([0.9, NAN, 0.5, NAN, NAN], [0.1, 0.2, 0.1, 0.4, NAN]), catalogue) == [2, 0, 3, 1, 4]


def test_where_boxes_overlap_the_surest_map_is_seen() -> None:
    maps = np.full((2, 2, 2), 255, np.uint8)
    maps[1] = 51
    seen = surest_map(maps, np.array([[0, 0, 2, 2], [1, 0, 4, 2]]), 2, 5)
    np.testing.assert_allclose(seen, [[1, 1, 0.2, 0.2, 0]] * 2, atol=1e-6)


def test_heat_is_red_where_it_is_the_object() -> None:
    sheet = Picture(np.full((2, 2, 3), (0, 90, 0), np.uint8), (2, 2))
    sheet.add_heat(np.array([[0, 1], [0, 1]], np.float32))
    pixels = np.asarray(sheet.image).astype(int)
    assert np.ptp(pixels[0, 0]) == 0
    assert abs(pixels[0, 1] - HEAT).max() < 40


@pytest.mark.slow
def test_show_draws_maps_beside_the_segments(mapped: Tree) -> None:
    generation = Generation.open(mapped.seed() / "labels/002.zarr")
    sheet = np.asarray(picture(generation, "train_002")).astype(int)
    assert sheet.shape[1] == 2 * 640 + 8
    x0, y0, x1, y1 = 10 * read_catalogue(mapped.train).boxes.iloc[2][["x0", "y0", "x1", "y1"]].to_numpy(int)
    right = sheet[y0 + 100 : y1 - 4, 648 + x0 + 4 : 648 + x1 - 4]
    redness = right[..., 0] - right[..., 1:].max(axis=-1)
    assert redness[-20, 10] > 80  # the lower left corner is the object
    assert redness[-180:, -10].min() < 40
    main(["show", str(mapped.seed() / "labels/002.zarr"), "train_002", "--out", "one.png"])
    assert read_image("one.png").shape[1] == 2 * 640 + 8


@pytest.mark.slow
def test_show_outlines_what_a_box_took_from_its_map(mapped: Tree) -> None:
    sheets = []
    for chose in (Chosen.MAP, Chosen.RECTANGLE):
        shutil.rmtree(mapped.seed())
        generation = Generation.open(write_generation(mapped, 0, 1, chose={1: chose}))
        sheets.append(np.asarray(picture(generation, "train_001"))[:480])  # without the caption
    dog = (sheets[0] == (0, 128, 0)).all(axis=-1) & (sheets[1] != (0, 128, 0)).any(axis=-1)
    box, [own] = generation.catalogue.boxes.iloc[1], generation.maps["train_001"]
    corners = box[["x0", "y0", "x1", "y1"]].to_numpy(int)
    sees = np.kron(on_image(object_pixels(own, corners), corners, (48, 64)), np.ones((10, 10), bool))
    around = cv2.morphologyEx(sees.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((11, 11), np.uint8)) > 0
    for drawn in (dog[:, :640], dog[:, 648:]):  # on the labels and on the maps
        assert drawn.sum() > 500
        assert drawn[around].sum() == drawn.sum()


@pytest.mark.slow
def test_the_page_outlines_what_a_box_took_from_its_map(mapped: Tree, open_page) -> None:
    write_generation(mapped, 0, 2, chose={1: Chosen.MAP})
    pictures = json.loads(Page(mapped.report()).scripts[0])["generations"]["pictures"]
    choices = {each["id"]: [one for box in each["boxes"] for one in box["choices"]] for each in pictures}
    assert [one.keys() for one in choices["train_001"]] == [{"chosen", "best"}, {"chosen", "best", "segment"}]
    assert all(one.keys() == {"chosen", "best"} for image in ("train_002", "train_003") for one in choices[image])
    browser: Browser = open_page(mapped.folder / "report.html")
    browser.click("#explore-generations .card[data-id=train_001]")
    outlines = "[...document.querySelectorAll('dialog[open] .outline')].map(path => path.getAttribute('d'))"
    assert browser.value(outlines) == [choices["train_001"][1]["segment"]]
    wide = "table.getBoundingClientRect().width > parseFloat(getComputedStyle(table.parentElement).gridTemplateColumns)"
    assert browser.value(f"[...document.querySelectorAll('dialog[open] .choices')].filter(table => {wide}).length") == 0


@pytest.mark.slow
def test_the_caption_says_how_far_a_choice_is_from_its_map(mapped: Tree) -> None:
    generation = Generation.open(mapped.seed() / "labels/001.zarr")
    [line] = choices(generation, generation.catalogue.boxes.iloc[2:3], ["1 cat"])
    assert "regression cost -0.50, distance from its object map 0.30, expected IoU 0.75" in line


def test_the_candidate_that_a_box_drew_is_shown_whatever_its_rank() -> None:
    table = {"best": np.array([[9, 8, 7, 6, 5, 4, 3, -1]]), "cost": np.arange(8.0)[None]}
    ranks = {9: range(5), 3: [*range(5), 6], -1: range(5)}
    for chosen, expected in ranks.items():
        entry = shown_choice(0, table | {"chosen": np.array([chosen])})
        assert entry == {"chosen": chosen, "best": [[9 - rank, rank] for rank in expected]}
