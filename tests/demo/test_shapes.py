import hashlib
import json

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from boxsup.catalogue.readers.voc_objects import read_boxes
from boxsup.catalogue.records import read_list
from boxsup.catalogue.tables import read_catalogue
from boxsup.cli import main
from boxsup.config.build import build
from boxsup.config.datasets import ShapesSettings
from boxsup.demo.forms import FORMS
from boxsup.demo.shapes import SUPERSAMPLING, Style, boundary, coverage_of, draw_picture, fill_shares
from boxsup.demo.tree import check_classes, choose_masks
from boxsup.errors import ConfigError
from boxsup.image.boxes import box_iou
from boxsup.image.files import read_mask
from boxsup.image.palette import voc_palette

NAMES = list(FORMS)
CLASSES = ("background", *NAMES)
SETTINGS = {"seed": 3, "side": 96, "train": 24, "val": 6, "masks": 6}


def write(out, **changed):
    settings = json.dumps(SETTINGS | changed)
    main(["shapes", "--settings", settings, "--classes", json.dumps(NAMES), "--out", str(out)])
    return out


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write(tmp_path_factory.mktemp("shapes") / "tree")


def digests(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def images_of(tree, name):
    return read_list(tree / f"ImageSets/Segmentation/{name}.txt")[0]


def boxes_of(tree, image):
    height, width = read_mask(tree / f"SegmentationClass/{image}.png").shape
    boxes, problems = read_boxes((tree / f"Annotations/{image}.xml").read_bytes(), height, width, CLASSES)
    assert problems == []
    return boxes


@pytest.mark.slow
def test_the_same_settings_give_the_same_bytes(tree, tmp_path):
    assert digests(tree) == digests(write(tmp_path / "again"))


def test_a_picture_does_not_depend_on_how_many_there_are(tree, tmp_path):
    few = digests(write(tmp_path / "few", train=2, val=1, masks=1))
    pictures = {name: digest for name, digest in few.items() if not name.startswith(("ImageSets", "."))}
    assert len(pictures) == 3 * 4
    assert pictures.items() <= digests(tree).items()


def test_seeds_and_splits_give_other_pictures():
    first = draw_picture(0, "train", 0, 96, CLASSES)
    for other in (draw_picture(1, "train", 0, 96, CLASSES), draw_picture(0, "val", 0, 96, CLASSES)):
        assert first.image.shape != other.image.shape or (first.image != other.image).any()


def test_boxes_are_tight_on_what_is_visible():
    for index in range(8):
        made = draw_picture(0, "train", index, 96, CLASSES)
        assert 1 <= len(made.objects) <= 5
        for number, thing in enumerate(made.objects, start=1):
            x0, y0, x1, y1 = thing.box
            visible = made.instances == number
            outside = visible.copy()
            outside[y0:y1, x0:x1] = False
            assert not outside.any()
            # Every side of the box touches the object.
            assert all(line.any() for line in (visible[y0], visible[y1 - 1], visible[:, x0], visible[:, x1 - 1]))


def test_boxes_on_disk_agree_with_the_object_masks_up_to_the_void_ring(tree):
    for image in images_of(tree, "val"):
        objects = read_mask(tree / f"SegmentationObject/{image}.png")
        for number, box in enumerate(boxes_of(tree, image), start=1):
            rows, columns = np.nonzero(objects == number)
            inner = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            for outer, tight, sign in zip(box[1:5], inner, (1, 1, -1, -1), strict=True):
                assert sign * (tight - outer) >= 0
            assert (objects[box.y0 : box.y1, box.x0 : box.x1] == number).sum() == len(rows)


def test_masks_have_the_labels_of_their_objects_and_a_void_ring(tree):
    for image in images_of(tree, "train"):
        labels = read_mask(tree / f"SegmentationClass/{image}.png")
        objects = read_mask(tree / f"SegmentationObject/{image}.png")
        np.testing.assert_array_equal(labels == 255, objects == 255)
        assert (labels == 255).any()
        for number, box in enumerate(boxes_of(tree, image), start=1):
            assert set(labels[objects == number]) == {box.class_id}


def test_the_void_ring_is_the_two_pixels_at_a_border():
    instances = np.zeros((5, 6), np.uint8)
    instances[:, 3:] = 1
    np.testing.assert_array_equal(boundary(instances), np.tile([False, False, True, True, False, False], (5, 1)))


def test_every_class_occurs_in_every_list(tree):
    for name in ("train", "val", "masks"):
        labels = {box.class_id for image in images_of(tree, name) for box in boxes_of(tree, image)}
        assert labels == set(range(1, 7)), name


def test_the_masks_are_part_of_train(tree):
    train, masks = images_of(tree, "train"), images_of(tree, "masks")
    assert len(masks) == SETTINGS["masks"]
    assert set(masks) <= set(train)
    assert not set(train) & set(images_of(tree, "val"))


def test_pictures_vary_in_size_about_the_side():
    shapes = np.array([draw_picture(0, "train", index, 96, CLASSES).image.shape[:2] for index in range(12)])
    assert shapes.min() >= 0.8 * 96 - 1
    assert shapes.max() <= 1.1 * 96 + 1
    assert (shapes[:, 0] < shapes[:, 1]).any()
    assert (shapes[:, 0] > shapes[:, 1]).any()


def test_objects_fill_well_under_half_of_their_boxes():
    made = [draw_picture(0, "train", index, 96, CLASSES) for index in range(24)]
    shares = [share for one in made for share in fill_shares(one.instances, one.objects)]
    assert 0.3 < np.mean(shares) < 0.5


def test_companions_are_of_other_classes_and_share_a_box():
    def closest(style):
        """For each object of some pictures, how much its box is that of the object that is nearest to it by box."""
        found = []
        for index in range(16):
            things = draw_picture(0, "train", index, 96, CLASSES, style).objects
            corners = np.array([thing.box for thing in things])
            iou = box_iou(corners, corners) * (1 - np.eye(len(things)))
            found += [
                (row.max(), things[row.argmax()].class_id != thing.class_id)
                for row, thing in zip(iou, things, strict=True)
            ]
        return found

    alone = closest(Style((2, 2)))
    assert np.mean([iou > 0.5 for iou, _ in alone]) < 0.1
    together = closest(Style((1, 1), companions=1.0))
    assert np.mean([iou > 0.5 for iou, _ in together]) > 0.8
    assert all(differ for _, differ in together)


def test_as_many_objects_as_asked_for():
    counts = {len(draw_picture(0, "train", index, 96, CLASSES, Style((1, 2))).objects) for index in range(12)}
    assert counts == {1, 2}
    alone = draw_picture(0, "train", 0, 96, ("background", "ring"), Style((1, 1), companions=1.0))
    assert len(alone.objects) == 1  # there is no other class


def test_hues_spread_as_asked_for():
    def hues(spread):
        """The mean hue of rings, whose class's own hue is 0, in degrees from it."""
        found = []
        for index in range(12):
            picture = draw_picture(0, "train", index, 96, ("background", "ring"), Style((1, 1), hue_spread=spread))
            hue, saturation, _ = cv2.split(cv2.cvtColor(picture.image, cv2.COLOR_RGB2HSV))
            inner = (cv2.erode(picture.instances, np.ones((3, 3), np.uint8)) > 0) & (saturation > 60)
            angles = np.deg2rad(2.0 * hue[inner])
            found.append(np.rad2deg(np.arctan2(np.sin(angles).mean(), np.cos(angles).mean())))
        return found

    assert np.std(hues(2.0)) < 8 < 16 < np.std(hues(28.0))


def test_objects_are_as_large_as_asked_for():
    def share(radius):
        """The mean share of the picture's longer side that a box's longer side has; the form is round."""
        found = []
        for index in range(6):
            picture = draw_picture(0, "train", index, 96, ("background", "star"), Style((1, 1), radius=radius))
            x0, y0, x1, y1 = picture.objects[0].box
            found.append(max(x1 - x0, y1 - y0) / 96)
        return np.mean(found)

    assert share((0.1, 0.12)) < 0.28 < 0.5 < share((0.36, 0.4))


@pytest.mark.parametrize("name", NAMES)
def test_a_form_alone_fills_little_of_its_box(name):
    transform = np.array([[40.0, 0, 50], [0, 40, 50]])
    coverage = coverage_of(FORMS[name](np.random.default_rng(0)), transform, 100, 100)
    rows, columns = np.nonzero(coverage >= 0.5)
    share = len(rows) / (np.ptp(rows) + 1) / (np.ptp(columns) + 1)
    assert 0.25 < share < 0.6
    # Anti-aliased: pixels on the border are covered in part, in steps of a small pixel.
    steps = coverage * SUPERSAMPLING**2
    assert ((coverage > 0) & (coverage < 1)).any()
    np.testing.assert_allclose(steps, np.round(steps), atol=0.04)


def test_chosen_masks_hold_the_rare_class_first():
    labels = {"a": (1, 1), "b": (1,), "c": (2, 1), "d": (3,)}
    assert set(choose_masks(labels, 2, seed=0)) == {"c", "d"}
    assert choose_masks(labels, 4, seed=0) == list(labels)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"side": 20}, "shapes.side: expected a number of 64 or more"),
        ({"val": 0}, "shapes.val: expected a number above 0"),
        ({"masks": 25}, "shapes.masks: expected 24"),
        ({"objects": [3, 2]}, "shapes.objects: expected the least number first"),
        ({"objects": [2, 101]}, "shapes.objects: expected the least number first, and at most 100"),
        ({"radius": [0.3, 0.2]}, "shapes.radius: expected the least radius first"),
        ({"radius": [0.3, 0.6]}, "shapes.radius: expected the least radius first, and at most 0.45"),
        ({"companions": 1.5}, "shapes.companions: expected a number"),
    ],
)
def test_settings_that_make_no_pictures_are_named(changed, words):
    with pytest.raises(ConfigError, match=words):
        build(ShapesSettings, SETTINGS | changed, "shapes")


def test_a_class_that_is_no_form_is_named():
    with pytest.raises(ConfigError, match="'cube' is no form that can be drawn"):
        check_classes(("background", "cube"))


@pytest.mark.parametrize("name", ["train", "val", "masks"])
def test_the_tree_passes_the_catalogue(tree, tmp_path, name):
    split = json.dumps({"list": name, "masks": "SegmentationClass"})
    arguments = ["--format", "voc", "--root", str(tree), "--split", split, "--classes", json.dumps(NAMES)]
    main(["catalogue", *arguments, "--on-problem", "stop", "--out", str(tmp_path)])
    read = read_catalogue(tmp_path)
    assert read.ids == images_of(tree, name)
    assert (read.images["mask"] != "").all()
    assert pd.read_csv(tmp_path / "problems.csv").empty


def test_the_palette_is_that_of_real_voc_masks(voc_mini):
    path = next((voc_mini / "SegmentationClass").glob("*.png"))
    with Image.open(path) as image:
        real = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    np.testing.assert_array_equal(voc_palette()[: len(real)], real)
