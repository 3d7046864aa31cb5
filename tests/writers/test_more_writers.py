"""COCO's panoptic PNGs, Cityscapes' ids and Label Studio's tasks, each read back by its own rules."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from boxsup.demo.shapes import draw_picture
from boxsup.writers import cityscapes, label_studio, panoptic
from boxsup.writers.coco import ImageEntry
from boxsup.writers.objects import MaskedObject, in_front, worst_first

CLASSES = ("background", "ring", "spiral", "comb")
MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 40)))
BOX = (0, 0, 1, 1)


@pytest.fixture(scope="module")
def drawn():
    """Objects whose masks overlap: those of a picture, grown; the scores do not rise in their order."""
    made = draw_picture(3, "writers", 0, 120, CLASSES)
    things = []
    for number, thing in enumerate(made.objects, start=1):
        x0, y0, x1, y1 = thing.box
        pixels = made.instances == number
        pixels[y0:y1, x0 : (x0 + x1) // 2] = True
        things.append(MaskedObject(thing.class_id, thing.box, pixels, score=round(0.9 - 0.37 * number % 0.8, 3)))
    assert sum(item.pixels.astype(int) for item in things).max() > 1
    return things


def decoded(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)))


def test_the_smaller_object_is_in_front_and_the_worst_first(drawn):
    places = in_front(*drawn[0].pixels.shape, drawn)
    for y, x in np.argwhere(places)[::50]:
        there = [item for item in drawn if item.pixels[y, x]]
        assert drawn[places[y, x] - 1].pixels.sum() == min(item.pixels.sum() for item in there)
    scores = [item.score for item in worst_first([*drawn, MaskedObject(1, BOX, drawn[0].pixels)])]
    assert scores == [*sorted(item.score for item in drawn), None]


def test_panoptic_segments_are_what_the_json_says(drawn):
    """By the checks of panopticapi: ids in the PNG are those of the JSON, none is missing, areas and boxes agree."""
    height, width = drawn[0].pixels.shape
    hidden = MaskedObject(3, BOX, np.zeros((height, width), np.bool_), score=0.01)
    ids, infos = panoptic.segments(height, width, [*drawn, hidden])
    colours = decoded(panoptic.png(ids)).astype(np.uint32)
    found = colours[..., 0] + 256 * colours[..., 1] + 256**2 * colours[..., 2]  # panopticapi.utils.rgb2id
    assert {info["id"] for info in infos} == set(np.unique(found)) - {0}
    assert len({info["id"] for info in infos}) == len(infos) == len(drawn)
    assert [info["score"] for info in infos] == sorted(item.score for item in drawn)
    for info in infos:
        [item] = [item for item in drawn if item.score == info["score"]]
        rows, columns = np.nonzero(found == info["id"])
        assert info["area"] == len(rows)
        x, y, w, h = info["bbox"]
        assert (x, y, x + w, y + h) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert item.pixels[rows, columns].all()
        assert info["category_id"] == item.class_id
    np.testing.assert_array_equal(found > 0, np.any([item.pixels for item in drawn], axis=0))
    png = {"image_id": 1, "file_name": "a.png", "segments_info": infos}
    content = json.loads(json.dumps(panoptic.content([ImageEntry(1, "a.jpg", height, width)], [png], CLASSES)))
    assert [(each["id"], each["name"], each["isthing"]) for each in content["categories"]] == [
        (number, name, 1) for number, name in enumerate(CLASSES[1:], start=1)
    ]


def test_more_segments_than_a_byte_counts():
    items = [MaskedObject(1, BOX, np.arange(600).reshape(20, 30) == index) for index in range(600)]
    ids, infos = panoptic.segments(20, 30, items)
    np.testing.assert_array_equal(ids.astype(int) @ (1, 256, 65536), np.arange(1, 601).reshape(20, 30))
    assert len(infos) == 600


def test_cityscapes_ids_are_classes_and_instances(drawn):
    """By cityscapesscripts: a value below 1,000 is a label id, else label id times 1,000 plus the instance."""
    height, width = drawn[0].pixels.shape
    crowd = MaskedObject(2, BOX, np.pad(np.ones((3, width), np.bool_), ((height - 3, 0), (0, 0))), crowd=True)
    labels, instances = (decoded(cityscapes.png(ids)) for ids in cityscapes.label_ids(height, width, [*drawn, crowd]))
    assert instances.max() > 255
    np.testing.assert_array_equal(np.where(instances < 1000, instances, instances // 1000), labels)
    places = in_front(height, width, [*drawn, crowd])
    values = {}
    for place, item in enumerate(drawn, start=1):
        [values[place]] = np.unique(instances[places == place])
        assert values[place] // 1000 == item.class_id
    assert len(set(values.values())) == len(drawn)
    assert set(np.unique(instances[places == len(drawn) + 1])) == {255}  # to be ignored, as in VOC's PNGs
    assert cityscapes.label_colors(CLASSES).splitlines()[2] == "0 128 0 spiral"
    assert "255" not in cityscapes.label_colors(CLASSES)
    assert cityscapes.label_colors(CLASSES, void=True).splitlines()[len(CLASSES)].startswith("# 255 in labelIds")
    with pytest.raises(ValueError, match="has 1,001 objects of a class"):
        cityscapes.label_ids(1, 1, [MaskedObject(1, BOX, np.ones((1, 1), np.bool_))] * 1001)


def unpacked(code: list[int]) -> np.ndarray:
    """The bytes that rle-pack, with which Label Studio's brush is written, unpacks."""
    bits = "".join(f"{byte:08b}" for byte in code)
    position = 0

    def take(count):
        nonlocal position
        position += count
        return int(bits[position - count : position], 2)

    length, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    out: list[int] = []
    while len(out) < length:
        repeated, size = take(1), sizes[take(2)]
        count = take(size) + 1
        out += [take(word)] * count if repeated else [take(word) for _ in range(count)]
    return np.array(out[:length], np.uint8)


@given(MASKS)
def test_label_studios_brush_unpacks_to_the_mask(mask):
    pixels = unpacked(label_studio.runs(mask)).reshape(*mask.shape, 4)
    np.testing.assert_array_equal(pixels, np.repeat(np.where(mask, 255, 0)[..., None], 4, axis=-1))


def test_long_runs_are_cut():
    mask = np.zeros((300, 400), np.bool_)
    mask[150:] = True
    np.testing.assert_array_equal(unpacked(label_studio.runs(mask))[::4] > 0, mask.ravel())


def test_a_task_has_its_masks_worst_first_and_the_score_of_the_worst(drawn):
    height, width = drawn[0].pixels.shape
    task = json.loads(json.dumps(label_studio.task("cam 1/ä.jpg", height, width, drawn, CLASSES)))
    assert task["data"] == {"image": "/data/local-files/?d=cam%201/%C3%A4.jpg"}
    [prediction] = task["predictions"]
    scores = [result["score"] for result in prediction["result"]]
    assert scores == sorted(item.score for item in drawn)
    assert prediction["score"] == scores[0]
    for result in prediction["result"]:
        [item] = [item for item in drawn if item.score == result["score"]]
        assert (result["original_height"], result["original_width"]) == (height, width)
        assert result["value"]["brushlabels"] == [CLASSES[item.class_id]]
        pixels = unpacked(result["value"]["rle"]).reshape(height, width, 4)[..., 3] > 0
        np.testing.assert_array_equal(pixels, item.pixels)
    assert len({result["id"] for result in prediction["result"]}) == len(drawn)
    none = label_studio.task("a.jpg", 3, 3, [], CLASSES)["predictions"][0]
    assert none == {"model_version": "boxsup", "result": []}


def test_the_labelling_configuration_names_the_controls_of_the_tasks():
    text = label_studio.labelling(["background", "cat & <dog>"], ["#000000", "#800000"])
    [brush] = ElementTree.fromstring(text).iter("BrushLabels")
    assert brush.attrib == {"name": label_studio.BRUSH, "toName": label_studio.IMAGE}
    assert [label.attrib["value"] for label in brush] == ["cat & <dog>"]
