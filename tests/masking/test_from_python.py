"""`boxsup.Masker`: the masks of the command, from whatever a user of Python has, for whatever they do next."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

import boxsup
from boxsup.cli import main
from boxsup.demo.shapes import draw_picture
from boxsup.errors import ConfigError, DataError, StoreError
from boxsup.image.files import read_mask
from boxsup.inference.trained import Trained
from boxsup.masking.found import ImageMasks
from boxsup.masking.given_boxes import given_boxes, given_labels
from boxsup.masking.settings import mask_recipe, mask_settings
from boxsup.writers import coco
from boxsup.writers.objects import MaskedObject
from helpers.networks import write_object_network

pytestmark = pytest.mark.slow  # candidates are made and networks run

CLASSES = ("background", "ring", "crescent", "star", "branch")
QUICK = "selective_search"  # its candidates are made quickly


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two drawn pictures with COCO's boxes, and an object network."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "images").mkdir()
    entries, annotations = [], []
    for number in (1, 2):
        drawn = draw_picture(3, "python", number, 100, CLASSES)
        Image.fromarray(drawn.image).save(folder / "images" / f"{number}.png")
        entries.append(coco.ImageEntry(number, f"{number}.png", *drawn.image.shape[:2]))
        for index, thing in enumerate(drawn.objects, start=1):
            masked = MaskedObject(thing.class_id, thing.box, drawn.instances == index)
            record = coco.annotation(len(annotations) + 1, number, masked, "rle")
            annotations.append({key: record[key] for key in ("id", "image_id", "category_id", "bbox", "iscrowd")})
    coco.write(folder / "boxes.json", coco.content(entries, annotations, CLASSES))
    write_object_network(folder / "objects.pt")
    return folder


@pytest.fixture(scope="module")
def given(folder):
    """The path, the boxes and the labels of each picture."""
    content = json.loads((folder / "boxes.json").read_text())
    found = []
    for image in content["images"]:
        own = [record for record in content["annotations"] if record["image_id"] == image["id"]]
        boxes = [[x, y, x + width, y + height] for x, y, width, height in (record["bbox"] for record in own)]
        labels = [CLASSES[record["category_id"]] for record in own]
        found.append((folder / "images" / image["file_name"], boxes, labels))
    return found


@pytest.fixture(scope="module")
def masker(folder):
    return boxsup.Masker(objects=[folder / "objects.pt"], proposals=QUICK)


@pytest.fixture(scope="module")
def found(masker, given):
    return masker(*given[0])


def test_masks_are_those_of_the_command(folder, given, masker):
    arguments = ["--images", f"{folder}/images", "--boxes", f"{folder}/boxes.json", "--objects", f"{folder}/objects.pt"]
    main(["masks", *arguments, "--proposals", QUICK, "--out", f"{folder}/masks", "--format", "coco", "--workers", "1"])
    written = COCO(str(folder / "masks" / "coco.json"))
    compared = 0
    for number, (path, boxes, labels) in enumerate(given, start=1):
        ours = masker(path, boxes, labels)
        annotations = written.loadAnns(written.getAnnIds(imgIds=[number]))
        for own, theirs in zip(ours, annotations, strict=True):
            np.testing.assert_array_equal(own.mask, written.annToMask(theirs) > 0)
            assert own.score == pytest.approx(theirs["score"], abs=1e-4)
            compared += 1
    assert compared == len(written.anns) > 3


def test_a_path_its_pixels_and_pillows_image_give_the_same(given, masker, found):
    path, boxes, _ = given[0]
    pixels = np.asarray(Image.open(path))
    images = [path, str(path), Image.open(path)]
    for others in (*(masker(image, np.array(boxes, float)) for image in images), masker(pixels, boxes, name="1")):
        np.testing.assert_array_equal(others.masks, found.masks)
        assert others.labels == [None] * len(boxes)
    grey = pixels[..., 0]
    np.testing.assert_array_equal(masker(grey, boxes).masks, masker(np.stack([grey] * 3, axis=-1), boxes).masks)


def test_a_batch_is_one_after_the_other(given, masker, found):
    paths, boxes, labels = zip(*given, strict=True)
    batch = masker(list(paths), boxes, labels)
    assert len(batch) == 2
    np.testing.assert_array_equal(batch[0].masks, found.masks)
    content = batch.to_coco()
    assert [entry["id"] for entry in content["images"]] == [1, 2]
    assert [record["id"] for record in content["annotations"]] == list(range(1, sum(map(len, boxes)) + 1))
    names = {category["id"]: category["name"] for category in content["categories"]}
    assert [names[record["category_id"]] for record in content["annotations"]] == [*labels[0], *labels[1]]
    assert f"{len(boxes[0]) + len(boxes[1])} boxes" in repr(batch)
    assert batch._repr_html_().count("<img") == 2


def test_what_a_mask_says(given, found):
    for item, box, label in zip(found, given[0][1], given[0][2], strict=True):
        x0, y0, x1, y1 = item.box
        assert [x0, y0, x1, y1] == box
        assert item.label == label
        assert item.mask.shape == found.image.shape[:2]
        assert item.mask[y0:y1, x0:x1].sum() == item.mask.sum() > 0
        assert 0 <= item.score <= 1
        assert repr(item).startswith(f"ObjectMask('{label}', score {item.score:.2f}, box (")
    assert found.masks.shape == (len(found), *found.image.shape[:2])
    np.testing.assert_array_equal(found.scores, np.float32([item.score for item in found]))
    assert [item.label for item in found[1:]] == found.labels[1:]


def test_candidates_are_ranked_and_lie_in_their_box(found):
    weighed = [item for item in found if item.candidates]
    assert weighed
    for item in weighed:
        assert len(item.candidates) == 5
        expected = [candidate.expected_iou for candidate in item.candidates]
        assert expected == sorted(expected, reverse=True)
        assert item.measures.expected_iou == pytest.approx(expected[0], abs=1e-6)
        assert item.measures.object_cost == pytest.approx(item.candidates[0].object_cost, abs=1e-6)
        for candidate in item.candidates:
            x0, y0, x1, y1 = item.box
            assert candidate.mask[y0:y1, x0:x1].sum() == candidate.mask.sum()
            assert candidate.network_cost == 0
            assert candidate.cost == pytest.approx(candidate.overlap_cost + 0.75 * candidate.object_cost)
        best = item.candidates[0].mask
        assert (best & item.mask).sum() > 0.5 * item.mask.sum()  # the mask is the best candidate, made sharper


def test_masks_are_shown_in_a_notebook(found):
    page = found._repr_html_()
    assert page.count('<img src="data:image/png;base64,') == 1
    assert all(f"{item.score:.2f}" in page for item in found)
    picture = np.asarray(Image.open(io.BytesIO(found._repr_png_())))
    np.testing.assert_array_equal(picture, found.overlay())
    plain = found.overlay(boxes=False)
    assert plain.shape == found.image.shape
    assert (plain != found.overlay()).any()
    assert f"ImageMasks({len(found)} boxes of " in repr(found)
    hostile = ImageMasks(found.image, "", [type(found[0])(**{**_fields(found[0]), "label": "<script>"})], ["<script>"])
    assert "<script>" not in hostile._repr_html_()


def _fields(item):
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def test_masks_are_saved_by_the_ending(tmp_path, found):
    numbers = read_mask(found.save(tmp_path / "all.png"))
    assert set(np.unique(numbers)) <= set(range(len(found) + 1))
    for number, item in enumerate(found, start=1):
        assert item.mask[numbers == number].all()
    assert (np.asarray(Image.open(found.save(tmp_path / "all.jpg"))) == found.overlay()).mean() > 0.1
    written = COCO(str(found.save(tmp_path / "all.json")))
    assert written.dataset == found.to_coco()
    for item, record in zip(found, written.dataset["annotations"], strict=True):
        np.testing.assert_array_equal(coco_mask.decode(record["segmentation"]) > 0, item.mask)
    np.testing.assert_array_equal(np.asarray(Image.open(found[0].save(tmp_path / "one.png"))) == 255, found[0].mask)
    np.testing.assert_array_equal(np.load(found[0].save(tmp_path / "one.npy")), found[0].mask)
    with pytest.raises(DataError, match=r"one\.gif: expected a name that ends in \.png"):
        found[0].save(tmp_path / "one.gif")


def test_a_users_file_is_not_replaced(tmp_path, found):
    mine = tmp_path / "mine.png"
    mine.write_bytes(b"mine")
    with pytest.raises(StoreError, match=r"mine\.png: boxsup did not write it.*pass overwrite=True") as info:
        found.save(mine)
    assert "\n" not in str(info.value)
    assert mine.read_bytes() == b"mine"
    found.save(mine, overwrite=True)
    assert [path.read_bytes() for path in tmp_path.glob("mine.*-*.png")] == [b"mine"]
    found.save(mine)  # ours by now


def test_labels_may_be_numbers(given, masker):
    path, boxes, _ = given[0]
    found = masker(path, boxes, np.arange(7, 7 + len(boxes)))
    content = found.to_coco()
    assert (
        [record["category_id"] for record in content["annotations"]] == found.labels == list(range(7, 7 + len(boxes)))
    )
    assert content["categories"][0] == {"id": 7, "name": "7"}


def test_masks_become_detections_of_supervision(given, masker, found):
    supervision = pytest.importorskip("supervision", reason="no supervision (pip install supervision)")
    detections = found.to_supervision()
    assert isinstance(detections, supervision.Detections)
    np.testing.assert_array_equal(detections.mask, found.masks)
    np.testing.assert_array_equal(detections.xyxy, np.float32(given[0][1]))
    np.testing.assert_array_equal(detections.confidence, found.scores)
    assert detections["class_name"].tolist() == given[0][2]
    assert [found.classes[number] for number in detections.class_id] == given[0][2]
    drawn = supervision.MaskAnnotator().annotate(found.image.copy(), detections)
    assert (drawn != found.image).any()
    assert masker(given[0][0], given[0][1]).to_supervision().class_id is None


def test_without_supervision_one_line_says_so(found, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "supervision", None)
    with pytest.raises(ConfigError, match="pip install supervision") as info:
        found.to_supervision()
    assert "\n" not in str(info.value)


def test_disjoint_masks_share_no_pixel_and_a_lost_box_stays_in_its_place(folder, given):
    path, boxes, labels = given[0]
    masker = boxsup.Masker(objects=[folder / "objects.pt"], proposals=QUICK, disjoint=True)
    found = masker(path, [*boxes, boxes[0]], [*labels, labels[0]])
    assert found.masks.sum(axis=0).max() == 1
    lost = [item for item in found if not item.mask.any()]
    assert [(item.score, item.flags, item.candidates) for item in lost] == [(0.0, ("nothing",), ())]
    # What the command writes has no annotation of it, whose area would be 0.
    annotations = found.to_coco()["annotations"]
    assert len(annotations) == len(found) - 1 == len(boxes)
    assert all(each["area"] for each in annotations)
    detections = supervision_of(found)
    assert {len(detections[key]) for key in ("xyxy", "mask", "confidence", "class_id")} == {len(boxes)}
    assert len(detections["data"]["class_name"]) == len(boxes)


def supervision_of(found):
    """What `supervision.Detections` is given, where the package need not be installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "supervision", SimpleNamespace(Detections=dict))
        return found.to_supervision()


def test_a_class_called_object_and_boxes_without_labels_are_one_category(given, masker):
    path, boxes, _ = given[0]
    content = masker([path, path], [boxes[:1], boxes[:1]], [["object"], None]).to_coco()
    assert [each["name"] for each in content["categories"]] == ["object"]
    assert {each["category_id"] for each in content["annotations"]} == {1}


@pytest.mark.parametrize("scales", [[0], [-1], [float("nan")], [100], [], 1.0])
def test_scales_are_checked_as_those_of_a_model(folder, scales):
    with pytest.raises(ConfigError, match=r"^scales: "):
        boxsup.Masker(scales=scales)  # there is no model that would look at them
    trained = Trained(folder / "model.pt", None)
    with pytest.raises(ConfigError, match=r"^scales: expected a list of numbers above 0, at most 4, got"):
        mask_recipe(trained, None, scales, mask_settings(QUICK, None), False)


def test_a_single_object_network_needs_no_list(folder, masker):
    alone = boxsup.Masker(objects=str(folder / "objects.pt"), proposals=QUICK)
    assert alone._maker.settings == masker._maker.settings


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--scales", "2"], "scales: only a trained model looks at several, and none is given"),
        (["--tight-boxes", "--format", "yolo"], "--tight-boxes: is of COCO's bbox, and no format is COCO's"),
    ],
)
def test_arguments_of_the_command_that_would_do_nothing_are_refused(folder, tmp_path, capsys, more, said):
    arguments = ["--images", f"{folder}/images", "--boxes", f"{folder}/boxes.json", "--out", f"{tmp_path}/out"]
    with pytest.raises(SystemExit, match="1"):
        main(["masks", *arguments, "--proposals", QUICK, *more])
    assert f"boxsup: error: {said}" in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*"))


def test_no_boxes_give_no_masks(masker, given):
    found = masker(given[0][0], [])
    assert (len(found), found.masks.shape, found.boxes.shape) == (0, (0, *found.image.shape[:2]), (0, 4))
    assert found.to_coco()["annotations"] == []
    assert "<img" in found._repr_html_()


def test_threads_of_the_users_process_stay_as_they_were(masker, given):
    torch.set_num_threads(2)
    try:
        masker(*given[0])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            np.zeros((4, 5, 4), np.uint8),
            "image: expected H×W×3 uint8 RGB or H×W uint8 grey, got 4×5×4 uint8; leave",
        ),
        (np.zeros((3, 40, 50), np.uint8), "got 3×40×50 uint8; put the channels last"),
        (np.zeros((4, 5, 3)), "got 4×5×3 float64; scale it"),
        (np.zeros((1, 4, 5, 3), np.uint8), "give several images as a list"),
        (np.zeros((0, 5, 3), np.uint8), "got 0×5×3 uint8"),
        (np.broadcast_to(np.uint8(0), (2**17, 2, 3)), "2×131072 pixels"),
        (Image.new("F", (3, 3)), "image: not a usable image .32 bits"),
        ("nowhere.png", "nowhere.png: no such image"),
        (7, "image: expected a path, an array or a Pillow image, got int"),
    ],
)
def test_what_is_no_image_is_said_in_one_line(masker, image, message):
    with pytest.raises(DataError, match=message) as info:
        masker(image, [[0, 0, 2, 2]])
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[1, 2, 3]], "boxes: expected B×4 numbers x0, y0, x1, y1 in pixels, got 1×3"),
        (3, "got one number"),
        ([[[0, 0, 1, 1]]], "got 1×1×4"),
        ("box", "boxes: expected B×4 numbers"),
        ([[0, 0, 1, 1], [1, 2]], "boxes: expected B×4 numbers"),
        ([[0.1, 0.1, 0.5, 1.0]], "all numbers are at most 1; expected pixels"),
        ([[0, 0, 4, 4], [30, 40, 10, 5]], r"boxes\[1\]: 30, 40, 10, 5: x1 must be above x0.*not x, y, width, height"),
        ([[0, 0, 2, 2], [0, 0, 99, 2]], r"boxes\[1\]: 0, 0, 99, 2: is not inside its image of 50×40"),
        ([[-3, 0, 2, 2]], "cut it at the border"),
        ([[0, 0, np.nan, 2]], "a corner is not a number"),
    ],
)
def test_what_are_no_boxes_is_said_in_one_line(boxes, message):
    with pytest.raises(DataError, match=message) as info:
        given_boxes(boxes, 40, 50)
    assert "\n" not in str(info.value)


def test_boxes_are_rounded_to_borders_of_pixels():
    assert given_boxes([0.5, 1.49, 9.5, 9.2], 10, 10) == [(1, 1, 10, 9)]
    assert given_boxes(torch.tensor([[1.0, 1.0, 1.2, 5.0]]), 10, 10) == [(1, 1, 2, 5)]
    assert given_boxes(np.zeros((0, 4)), 10, 10) == []


@pytest.mark.parametrize(
    ("labels", "plain"),
    [
        (torch.tensor([3, 5]), [3, 5]),
        ([torch.tensor(3), torch.tensor(5)], [3, 5]),
        ((np.int64(3), np.array(5)), [3, 5]),
        (np.array(["a", "b"]), ["a", "b"]),
        ([np.str_("a"), np.array("b")], ["a", "b"]),
        (pd.Series(["a", "b"]), ["a", "b"]),
        (pd.Series([3, 5], dtype="uint8"), [3, 5]),
    ],
)
def test_labels_may_be_tensors_and_arrays(labels, plain):
    found = given_labels(labels, 2)
    assert found == plain
    assert {type(label) for label in found} == {type(plain[0])}


def test_boxes_may_be_a_tensor_of_any_kind():
    rows = [[1, 2, 4, 5], [0, 0, 2, 2]]
    for boxes in (
        torch.tensor(rows),
        torch.tensor(rows, dtype=torch.bfloat16),
        torch.tensor(rows, dtype=torch.float32, requires_grad=True),
        [torch.tensor(row) for row in rows],
    ):
        assert given_boxes(boxes, 10, 10) == [tuple(row) for row in rows]
    assert given_boxes(torch.zeros(0, 4), 10, 10) == []


def test_names_are_as_readers_have_them():
    assert given_labels([" x", "x "], 2) == ["x", "x"]
    with pytest.raises(DataError, match=r"^labels\[0\]: label 1 is empty; name its class"):
        given_labels(["x", " "], 2, "labels[0]")


@pytest.mark.parametrize(
    "labels",
    ["cat", ["cat"], ["cat", 3], [1.5, 2.0], [True, False], 3, np.array("cats"), torch.tensor(3), torch.ones(2, 1)],
)
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(DataError, match=r"^labels: "):
        given_labels(labels, 2)


def test_lists_that_do_not_fit_the_images_are_refused(masker, given):
    path, boxes, labels = given[0]
    for given_boxes_, more in ((boxes[:1], {}), ([boxes, boxes], {"labels": [labels]}), (None, {})):
        with pytest.raises(DataError, match="expected a list with one entry for each of 2 images"):
            masker([path, path], given_boxes_, **more)
    with pytest.raises(DataError, match=r"boxes\[1\]\[0\]: "):
        masker([path, path], [boxes, [[5, 5, 1, 1]]])


def test_names_of_the_package_are_listed():
    assert "Masker" in dir(boxsup)
    with pytest.raises(AttributeError, match="has no attribute 'Maskers'"):
        boxsup.Maskers  # noqa: B018
