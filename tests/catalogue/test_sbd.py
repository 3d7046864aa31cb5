"""SBD's MATLAB files, written as the data set's documentation says."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from boxsup.catalogue.readers.sbd import class_mask, object_mask, read_split
from boxsup.catalogue.records import Box
from boxsup.errors import DataError

CLASSES = ("background", "cat", "dog", "sheep")
LABELS = np.array([[0, 1, 1, 0], [3, 3, 1, 0], [0, 0, 3, 3]], np.uint8)
OBJECTS = np.array([[0, 1, 1, 0], [2, 2, 1, 0], [0, 0, 4, 4]], np.uint8)  # the third has no pixel
CATEGORIES = np.array([[1], [3], [2], [3]], np.uint8)
BOXES = [Box(1, 1, 0, 3, 2), Box(3, 0, 1, 2, 2), Box(3, 2, 2, 4, 3)]


def mat(**variables):
    buffer = io.BytesIO()
    savemat(buffer, variables)
    return buffer.getvalue()


def classes_file(labels=LABELS):
    return mat(GTcls={"Segmentation": labels, "Boundaries": np.zeros(3), "CategoriesPresent": np.unique(labels)})


def objects_file(objects=OBJECTS, categories=CATEGORIES):
    return mat(GTinst={"Segmentation": objects, "Boundaries": np.zeros(3), "Categories": categories})


@pytest.fixture
def root(tmp_path):
    """The folder `dataset` with one image."""
    for folder in ("img", "cls", "inst"):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / "img/a.jpg")
    (tmp_path / "cls/a.mat").write_bytes(classes_file())
    (tmp_path / "inst/a.mat").write_bytes(objects_file())
    (tmp_path / "train.txt").write_text("a\n")
    return tmp_path


def record_of(root):
    [check] = read_split(root, CLASSES, json.dumps({"list": "train"})).checks
    return check()


def test_masks_and_tight_boxes_of_the_objects(root):
    record = record_of(root)
    assert (record.image, record.height, record.width, record.problems) == ("a", 3, 4, [])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(record.drawn["mask"]))), LABELS)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(record.drawn["objects"]))), OBJECTS)
    assert record.boxes == BOXES


def test_structs_give_their_arrays_as_uint8():
    labels = class_mask(classes_file(LABELS.astype(np.float64)), "a.mat", 4)
    objects, categories = object_mask(objects_file(OBJECTS.astype(np.uint16)), "a.mat", 4)
    assert labels.dtype == objects.dtype == categories.dtype == np.uint8
    np.testing.assert_array_equal(labels, LABELS)
    np.testing.assert_array_equal(objects, OBJECTS)
    assert categories.tolist() == [1, 3, 2, 3]


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("cls/a.mat", None, "no such file; it comes with SBD's archive benchmark.tgz"),
        ("cls/a.mat", b"MATLAB 5.0 MAT-file" + b"\0" * 200, "not a readable MATLAB file"),
        ("cls/a.mat", classes_file()[:-30], "not a readable MATLAB file"),
        ("cls/a.mat", mat(GTinst={"Segmentation": LABELS}), "expected a struct GTcls with Segmentation"),
        ("cls/a.mat", mat(GTcls=LABELS), "expected a struct GTcls with Segmentation"),
        ("cls/a.mat", classes_file(LABELS + 1), "expected whole numbers from 0 to 3, got others"),
        ("cls/a.mat", classes_file(LABELS / 2), "expected whole numbers from 0 to 3, got others"),
        ("cls/a.mat", classes_file(LABELS.T), "the mask has 3×4 pixels, its image 4×3 (width×height)"),
        ("cls/a.mat", classes_file(LABELS[None]), "expected whole numbers from 0 to 3, got others"),
        ("inst/a.mat", None, "no such file: boxes come from SBD's objects, which are there; put the folder inst"),
        ("inst/a.mat", mat(GTinst={"Segmentation": OBJECTS}), "a struct GTinst with Segmentation and Categories"),
        ("inst/a.mat", objects_file(categories=CATEGORIES[:3]), "expected whole numbers from 0 to 3, got others"),
        ("inst/a.mat", objects_file(categories=CATEGORIES * 0), "expected Categories of at most 254 objects"),
        ("inst/a.mat", objects_file(OBJECTS.T), "the mask has 3×4 pixels, its image 4×3 (width×height)"),
        ("img/a.jpg", b"<html>", "not a readable image"),
    ],
)
def test_each_bad_file_is_a_problem_that_names_it(root, file, content, words):
    (root / file).unlink() if content is None else (root / file).write_bytes(content)
    problems = record_of(root).problems
    assert [problem.file for problem in problems] == [str(root / file)]
    assert words in problems[0].problem


def test_a_mask_in_an_archive_is_named():
    with pytest.raises(DataError, match=r"^benchmark.tgz/cls/a.mat: not a readable MATLAB file"):
        class_mask(b"", "benchmark.tgz/cls/a.mat", 21)
