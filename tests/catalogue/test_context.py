"""PASCAL-Context's masks, written as the data set's documentation says."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from boxsup.catalogue.readers.context import class_id_table, read_split
from boxsup.errors import DataError
from boxsup.image.files import write_mask

# Lines of the data set's labels.txt, as published.
NAMES = "2: aeroplane\n3: air conditioner\n19: bedclothes\n80: cloth\n360: sky\n397: table\n431: unknown\n459: wool\n"
CLASSES = ("background", "aeroplane", "diningtable", "sky", "bedcloth", "clothes")
FULL = np.array([[2, 397, 360, 19], [80, 431, 459, 0]], np.uint16)
LABELS = np.array([[1, 2, 3, 4], [5, 0, 0, 0]], np.uint8)


@pytest.fixture
def root(tmp_path):
    """VOC 2010's tree with one image, `a`, whose mask is a MATLAB file, and its twin with a PNG."""
    for folder in ("JPEGImages", "ImageSets/Main", "trainval", "59_context_labels"):
        (tmp_path / folder).mkdir(parents=True)
    Image.fromarray(np.zeros((2, 4, 3), np.uint8)).save(tmp_path / "JPEGImages/a.jpg")
    (tmp_path / "ImageSets/Main/train.txt").write_text("a\n")
    savemat(tmp_path / "trainval/a.mat", {"LabelMap": FULL})
    (tmp_path / "labels.txt").write_text(NAMES)
    write_mask(tmp_path / "59_context_labels/a.png", LABELS)
    return tmp_path


def record_of(root, masks="trainval", classes=CLASSES):
    [check] = read_split(root, classes, json.dumps({"list": "Main/train", "masks": masks})).checks
    return check()


def test_the_full_label_set_is_translated_by_name_and_the_rest_is_background(root):
    record = record_of(root)
    assert (record.problems, record.boxes, record.mask) == ([], [], "")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(record.drawn["mask"]))), LABELS)


def test_the_order_of_the_classes_is_that_of_the_configuration(root):
    record = record_of(root, classes=("background", "table", "sky"))  # by its full name too
    expected = [[0, 1, 2, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(record.drawn["mask"]))), expected)


def test_pngs_are_taken_as_they_are(root):
    record = record_of(root, "59_context_labels")
    assert (record.problems, record.drawn) == ([], {})
    assert record.mask == str(root / "59_context_labels/a.png")


# The numbers of the 59 classes among the 459 labels, as scripts of other projects have them.
NUMBERS = {2, 259, 260, 415, 324, 9, 258, 144, 18, 19, 22, 23, 397, 25, 284, 158, 159, 416, 33, 162, 420, 454, 295, 296}
NUMBERS |= {427, 44, 45, 46, 308, 59, 440, 445, 31, 232, 65, 354, 424, 68, 326, 72, 458, 34, 207, 80, 355, 85, 347, 220}
NUMBERS |= {349, 360, 98, 187, 104, 105, 366, 189, 368, 113, 115}


# Their lines in labels.txt.
LINES = """
2 aeroplane, 9 bag, 18 bed, 19 bedclothes, 22 bench, 23 bicycle, 25 bird, 31 boat, 33 book, 34 bottle, 44
building, 45 bus, 46 cabinet, 59 car, 65 cat, 68 ceiling, 72 chair, 80 cloth, 85 computer, 98 cow, 104 cup, 105
curtain, 113 dog, 115 door, 144 fence, 158 floor, 159 flower, 162 food, 187 grass, 189 ground, 207 horse, 220
keyboard, 232 light, 258 motorbike, 259 mountain, 260 mouse, 284 person, 295 plate, 296 platform, 308
pottedplant, 324 road, 326 rock, 347 sheep, 349 shelves, 354 sidewalk, 355 sign, 360 sky, 366 snow, 368 sofa,
397 table, 415 track, 416 train, 420 tree, 424 truck, 427 tvmonitor, 440 wall, 445 water, 454 window, 458 wood
"""


def test_the_configurations_59_classes_are_found_among_the_459_labels(config, tmp_path):
    classes = config["datasets"]["context"]["classes"]
    assert classes[:20] == config["datasets"]["voc"]["classes"]
    lines = [line.strip().replace(" ", ": ", 1) for line in LINES.replace("\n", " ").split(", ")]
    (tmp_path / "labels.txt").write_text("\n".join([*lines, "431: unknown"]))
    table = class_id_table(tmp_path / "labels.txt", ("background", *classes))
    assert set(np.flatnonzero(table)) == NUMBERS
    assert sorted(table[list(NUMBERS)]) == list(range(1, 60))
    assert [classes[table[number] - 1] for number in (2, 397, 19, 80)] == [
        "aeroplane",
        "diningtable",
        "bedcloth",
        "clothes",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda root: (root / "trainval/a.mat").unlink(), "there is no PNG of that name either"),
        (lambda root: (root / "trainval/a.mat").write_bytes(b"x" * 300), "not a readable MATLAB file"),
        (lambda root: savemat(root / "trainval/a.mat", {"x": FULL}), "expected a matrix LabelMap of numbers"),
        (lambda root: savemat(root / "trainval/a.mat", {"LabelMap": "sky"}), "expected a matrix LabelMap"),
        (lambda root: savemat(root / "trainval/a.mat", {"LabelMap": FULL + 1}), "whole numbers from 0 to 459"),
        (lambda root: savemat(root / "trainval/a.mat", {"LabelMap": FULL.T}), "has 2×4 pixels, its image 4×2"),
        (lambda root: (root / "JPEGImages/a.jpg").unlink(), "no such image"),
    ],
)
def test_each_bad_file_is_a_problem_that_names_it(root, change, words):
    (root / "ImageSets/Main/train.txt").write_text("a\nb\n")  # another, so that MATLAB files are seen to be used
    (root / "JPEGImages/b.jpg").write_bytes((root / "JPEGImages/a.jpg").read_bytes())
    savemat(root / "trainval/b.mat", {"LabelMap": FULL})
    change(root)
    first, second = (
        check() for check in read_split(root, CLASSES, '{"list": "Main/train", "masks": "trainval"}').checks
    )
    [problem] = first.problems
    assert words in problem.problem
    assert second.problems == []


def test_unknown_values_of_a_png_are_a_problem(root):
    write_mask(root / "59_context_labels/a.png", LABELS + 1)
    [problem] = record_of(root, "59_context_labels").problems
    assert "the mask holds 6; expected 0 to 5" in problem.problem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no such file; unpack PASCAL-Context's trainval.tar.gz"),
        ("aeroplane\nsky\n", "expected one line `NUMBER: NAME` for each label"),
        ("2: sky\n3: sky\n", "no name twice"),
        ("", "expected one line `NUMBER: NAME`"),
        ("2: aeroplane\n", "the class 'diningtable' is none of its 1 labels"),
    ],
)
def test_bad_lists_of_names_stop_at_once(tmp_path, text, words):
    if text is not None:
        (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(DataError, match=words):
        class_id_table(tmp_path / "labels.txt", CLASSES)


def test_missing_masks_say_what_to_put_where(root):
    with pytest.raises(DataError, match=r"nothing: no such folder of masks; unpack PASCAL-Context's trainval\.tar\.gz"):
        record_of(root, "nothing")
