"""Masks as other tools' files, each read back as that tool reads it."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from boxsup.catalogue.readers.yolo import read_labels
from boxsup.demo.shapes import draw_picture
from boxsup.image.boxes import tight_box
from boxsup.image.palette import voc_palette
from boxsup.writers import boxes, coco, voc, yolo
from boxsup.writers.objects import MaskedObject
from boxsup.writers.rings import inset_ring, join_rings, mask_parts

CLASSES = ("background", "ring", "spiral", "comb")
MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def filled(rings, height, width):
    """The pixels from whose middle a ray to the left crosses an odd number of borders: the definition itself."""
    y, x = np.mgrid[:height, :width] + 0.5
    odd = np.zeros((height, width), bool)
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if y0 != y1:
                crossing = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
                odd ^= (min(y0, y1) < y) & (y < max(y0, y1)) & (crossing < x)
    return odd


@pytest.fixture(scope="module")
def drawn():
    """A picture of the demo with rings, spirals and combs, objects in front of others: with holes and in parts."""
    made = draw_picture(3, "writers", 0, 120, CLASSES)
    things = [
        MaskedObject(thing.class_id, thing.box, made.instances == number, score=0.5 + 0.1 * number)
        for number, thing in enumerate(made.objects, start=1)
    ]
    parts = [part for thing in things for part in mask_parts(thing.pixels)]
    assert len(parts) > len(things)
    assert any(part.holes for part in parts)
    return things


# --- outlines ---------------------------------------------------------------------------------------------------------


def test_a_ring_of_pixels_by_hand():
    mask = np.ones((3, 4), bool)
    mask[1, 1] = False
    [part] = mask_parts(mask)
    assert part.outer.tolist() == [[4, 0], [4, 3], [0, 3], [0, 0]]
    [hole] = part.holes
    assert sorted(hole.tolist()) == [[1, 1], [1, 2], [2, 1], [2, 2]]
    joined = join_rings([part])
    assert len(joined) == 4 + 4 + 2
    np.testing.assert_array_equal(filled([joined], 3, 4), mask)


def test_pixels_that_touch_by_a_corner_are_two_parts():
    assert [len(part.outer) for part in mask_parts(np.eye(2, dtype=bool))] == [4, 4]
    assert mask_parts(np.zeros((3, 3), bool)) == []


@given(MASKS)
def test_rings_enclose_exactly_the_mask(mask):
    parts = mask_parts(mask)
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    assert len(parts) == count - 1
    assert sorted(stats[1:, cv2.CC_STAT_AREA], reverse=True) == [
        filled([part.outer, *part.holes], *mask.shape).sum() for part in parts
    ]
    np.testing.assert_array_equal(
        filled([ring for part in parts for ring in (part.outer, *part.holes)], *mask.shape), mask
    )
    for part in parts:
        steps = np.roll(part.outer, -1, axis=0) - part.outer
        assert ((steps == 0).sum(axis=1) == 1).all()  # along the borders of pixels, a turn at each corner
        assert (steps != 0)[:, 0].tolist() == [(steps[0, 0] != 0) ^ bool(place % 2) for place in range(len(steps))]


@given(MASKS)
def test_one_ring_with_slits_encloses_exactly_the_mask(mask):
    parts = mask_parts(mask)
    np.testing.assert_array_equal(filled([join_rings(parts)] if parts else [], *mask.shape), mask)


@given(MASKS)
def test_tools_that_cut_corners_to_pixels_and_draw_borders_make_the_mask_of_an_inset_ring(mask):
    """LabelMe draws polygons by Pillow, Ultralytics by OpenCV. Holes, whose slits are lines to both, are left out."""
    for part in mask_parts(mask):
        solid = filled([part.outer], *mask.shape)
        ring = inset_ring([replace(part, holes=[])])
        image = Image.new("L", mask.shape[::-1])
        ImageDraw.Draw(image).polygon([tuple(corner) for corner in ring], fill=1, outline=1)
        np.testing.assert_array_equal(np.asarray(image) > 0, solid)
        drawn = cv2.fillPoly(np.zeros(mask.shape, np.uint8), [ring.astype(np.int32)], 1)
        np.testing.assert_array_equal(drawn > 0, solid)


# --- COCO -------------------------------------------------------------------------------------------------------------


@given(MASKS, st.sampled_from(["rle", "polygons"]))
def test_pycocotools_makes_the_mask_of_either_encoding(mask, encoding):
    record = coco.annotation(1, 1, MaskedObject(1, (0, 0, 1, 1), mask), encoding, tight=True)
    segmentation = record["segmentation"]
    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, *mask.shape))
        assert encoding == "polygons"
    np.testing.assert_array_equal(coco_mask.decode(segmentation) > 0, mask)
    assert record["area"] == mask.sum()
    if mask.any():
        assert record["bbox"] == coco_mask.toBbox(coco_mask.encode(np.asfortranarray(mask, np.uint8))).tolist()


@pytest.mark.parametrize("encoding", ["rle", "polygons"])
def test_a_file_loads_in_pycocotools_with_every_mask_as_it_was(tmp_path, drawn, encoding):
    height, width = drawn[0].pixels.shape
    images = [coco.ImageEntry(1, "a.jpg", height, width), coco.ImageEntry(2, "empty.jpg", 5, 6)]
    records = [coco.annotation(number, 1, thing, encoding) for number, thing in enumerate(drawn, start=1)]
    coco.write(tmp_path / "masks.json", coco.content(images, records, CLASSES))
    loaded = COCO(tmp_path / "masks.json")
    assert [category["name"] for category in loaded.loadCats(loaded.getCatIds())] == list(CLASSES[1:])
    assert loaded.getAnnIds(imgIds=[2]) == []
    for thing, annotation in zip(drawn, loaded.loadAnns(loaded.getAnnIds(imgIds=[1])), strict=True):
        np.testing.assert_array_equal(loaded.annToMask(annotation) > 0, thing.pixels)
        assert annotation["category_id"] == thing.class_id
        assert annotation["score"] == pytest.approx(thing.score)
        x, y, across, down = annotation["bbox"]
        assert (x, y, x + across, y + down) == thing.box
    before = (tmp_path / "masks.json").read_bytes()
    coco.write(tmp_path / "masks.json", coco.content(images, records, CLASSES))
    assert (tmp_path / "masks.json").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["masks.json"]


def test_results_of_ours_are_results_to_pycocotools(tmp_path, drawn):
    height, width = drawn[0].pixels.shape
    records = [coco.annotation(number, 1, thing, "rle") for number, thing in enumerate(drawn, start=1)]
    coco.write(tmp_path / "truth.json", coco.content([coco.ImageEntry(1, "a.jpg", height, width)], records, CLASSES))
    (tmp_path / "results.json").write_text(json.dumps(records))
    loaded = COCO(tmp_path / "truth.json").loadRes(str(tmp_path / "results.json"))
    assert len(loaded.getAnnIds()) == len(drawn)


def test_a_mask_without_a_pixel_keeps_its_box():
    record = coco.annotation(1, 1, MaskedObject(1, (2, 3, 5, 7), np.zeros((9, 9), bool)), "polygons")
    assert (record["bbox"], record["area"]) == ([2, 3, 3, 4], 0)
    assert not coco_mask.decode(record["segmentation"]).any()
    assert "score" not in record


# --- YOLO -------------------------------------------------------------------------------------------------------------


def parsed(text, height, width):
    """Lines as Ultralytics documents them: a class, then an even number of shares, three corners at least."""
    for line in text.splitlines():
        number, *shares = line.split()
        shares = np.array(shares, np.float64)
        assert len(shares) >= 6
        assert len(shares) % 2 == 0
        assert (shares >= 0).all()
        assert (shares <= 1).all()
        yield int(number), shares.reshape(-1, 2) * (width, height)


@given(st.lists(arrays.arrays(np.bool_, (7, 9)), min_size=1, max_size=3))
def test_lines_are_ultralytics_and_filled_by_the_even_odd_rule_the_masks(masks):
    things = [MaskedObject(label, (0, 0, 1, 1), mask) for label, mask in enumerate(masks, start=1)]
    lines = dict(parsed(yolo.text(things), 7, 9))
    for thing in things:
        if thing.pixels.any():
            ring = np.round(lines[thing.class_id - 1], 3)
            np.testing.assert_array_equal(filled([ring], 7, 9), thing.pixels)
        else:
            assert thing.class_id - 1 not in lines


def test_what_is_written_is_read_by_our_reader(tmp_path, drawn):
    height, width = drawn[0].pixels.shape
    yolo.write(tmp_path / "a.txt", drawn)
    (tmp_path / "data.yaml").write_text(yolo.data_yaml(CLASSES))
    assert yaml.safe_load((tmp_path / "data.yaml").read_text())["names"] == {0: "ring", 1: "spiral", 2: "comb"}
    labels = {0: 1, 1: 2, 2: 3}
    things, problems = read_labels(labels, (tmp_path / "a.txt").read_bytes(), height, width, True)
    assert problems == []
    for thing, own in zip(things, drawn, strict=True):
        assert thing.box[:5] == (own.class_id, *own.box)  # the demo's boxes are tight
        np.testing.assert_array_equal(thing.pixels, own.pixels)


def test_opencv_as_ultralytics_trains_with_it_draws_slits_besides(drawn):
    for thing in drawn:
        height, width = thing.pixels.shape
        [(_, ring)] = parsed(yolo.text([thing]), height, width)
        pixels = cv2.fillPoly(np.zeros((height, width), np.uint8), [ring.astype(np.int32)], 1) > 0
        assert (pixels | ~thing.pixels).all()  # nothing of the mask is lost
        slits = pixels & ~thing.pixels
        assert slits.sum() <= 2 * max(height, width)


def test_an_image_without_objects_has_an_empty_file(tmp_path):
    yolo.write(tmp_path / "a.txt", [])
    assert (tmp_path / "a.txt").read_text() == ""


# --- VOC --------------------------------------------------------------------------------------------------------------


def test_pngs_have_vocs_palette_and_the_labels_as_values(tmp_path, drawn):
    height, width = drawn[0].pixels.shape
    voc.write(tmp_path, "a", height, width, drawn)
    with (
        Image.open(tmp_path / "SegmentationClass/a.png") as image,
        Image.open(tmp_path / "SegmentationObject/a.png") as objects,
    ):
        assert image.mode == objects.mode == "P"
        assert bytes(image.getpalette("RGB")) == voc_palette().tobytes()
        labels, numbers = np.asarray(image), np.asarray(objects)
    for number, thing in enumerate(drawn, start=1):  # the demo's objects hide one another: no pixel has two
        np.testing.assert_array_equal(numbers == number, thing.pixels)
        assert (labels[thing.pixels] == thing.class_id).all()
    np.testing.assert_array_equal(labels > 0, numbers > 0)


def test_of_two_objects_at_a_pixel_the_smaller_is_seen_and_crowds_are_void():
    large, small, crowd = np.zeros((3, 1, 6), bool)
    large[0, :4], small[0, 3:5], crowd[0, 2:] = True, True, True
    things = [
        MaskedObject(2, (0, 0, 1, 1), small),
        MaskedObject(1, (0, 0, 1, 1), crowd, crowd=True),
        MaskedObject(3, (0, 0, 1, 1), large),
    ]
    labels, _ = voc.label_maps(1, 6, things)
    assert labels.tolist() == [[3, 3, 3, 2, 2, 255]]


# --- boxes ------------------------------------------------------------------------------------------------------------


@given(MASKS)
def test_a_tight_box_holds_the_mask_and_nothing_smaller_does(mask):
    box = tight_box(mask)
    if not mask.any():
        assert box is None
        return
    x0, y0, x1, y1 = box
    assert mask[y0:y1, x0:x1].sum() == mask.sum()
    for side in (mask[y0], mask[y1 - 1], mask[:, x0], mask[:, x1 - 1]):
        assert side.any()


def test_the_table_has_both_boxes_and_how_much_they_differ():
    mask = np.zeros((10, 10), bool)
    mask[2:4, 3:8] = True
    things = [MaskedObject(2, (2, 1, 9, 6), mask, score=0.75), MaskedObject(1, (0, 0, 4, 4), np.zeros((10, 10), bool))]
    first, second = boxes.rows("a", things, CLASSES)
    assert first == ("a", 1, "spiral", 2, 1, 9, 6, 3, 2, 8, 4, 0.2857, 0.75)
    assert second == ("a", 2, CLASSES[1], 0, 0, 4, 4, None, None, None, None, None, None)
