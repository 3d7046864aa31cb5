"""A score is one only where the true masks show enough: at least two classes, the background counted."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from boxsup.catalogue.tables import IMAGE_COLUMNS, Catalogue
from boxsup.evaluation.confusion import mean_iou
from boxsup.evaluation.measured import (
    MIN_PIXELS,
    Basis,
    basis_from,
    basis_of,
    basis_text,
    image_score,
    is_measured,
    measured_iou,
    measured_mean,
    score_text,
)
from boxsup.evaluation.tables import MEAN, score_table

CLASSES = ("background", "cat", "dog", "cow")
MATRICES = arrays(np.int64, (4, 5), elements=st.integers(0, 3 * MIN_PIXELS))


def basis(*pixels, images=2, objects=3):
    return Basis(CLASSES, np.array(pixels), images, objects)


def test_what_a_score_is_over_in_words():
    assert basis(900, 100, 100, 100).over == "2 images, 3 objects, 3 of 3 classes and the background"
    assert basis(900, 100, 99, 0, images=1, objects=1).over == "1 image, 1 object, 1 of 3 classes and the background"
    assert basis(0, 100, 100, 0, objects=0).over == "2 images, 2 of 3 classes"  # whole scenes, without boxes
    assert Basis(("background", "cat"), np.array([900, 900]), 1, 1).over.endswith("1 of 1 class and the background")


def test_classes_that_are_not_measured_are_counted_apart():
    assert basis(900, 100, 100, 100).apart == ""
    assert basis(900, 100, 99, 0).apart == "cow (no pixel in the true masks); dog (fewer than 100 pixels)"
    many = Basis(tuple("abcdefghi"), np.array([900, 900, *[0] * 7]), 1, 1)
    assert many.apart == "c, d, e, f, g and 2 more (no pixel in the true masks)"


@pytest.mark.parametrize(
    ("pixels", "why"),
    [
        ((900, 100, 0, 0), ""),
        ((0, 100, 100, 0), ""),
        ((900, 0, 0, 0), "the true masks of 2 images show no class, only background or void"),
        ((0, 0, 0, 0), "the true masks of 2 images show no class, only background or void"),
        ((0, 900, 0, 0), "the true masks of 2 images show cat alone"),
        ((900, 99, 1, 0), "the true masks of 2 images show background alone (pixels of cat 99, dog 1; 100 are needed)"),
        ((99, 2, 0, 0), "the true masks of 2 images show a handful of pixels "
                        "(pixels of background 99, cat 2; 100 are needed)"),
    ],
)  # fmt: skip
def test_nothing_is_measured_with_fewer_than_two_classes_and_it_says_why(pixels, why):
    assert basis(*pixels).why_not == why
    assert is_measured(np.array(pixels)) == (not why)
    assert basis(*pixels).notes()[-1] == (f"not measured: {why}" if why else "")


def test_images_without_a_true_mask_measure_nothing():
    assert basis(0, 0, 0, 0, images=0, objects=0).why_not == "no image has a true mask"


def test_the_background_alone_is_no_hundred_per_cent():
    confusion = np.diag([10_000, 0, 0, 0])[:, [0, 1, 2, 3, 3]]
    assert mean_iou(confusion) == 1.0
    assert np.isnan(measured_iou(confusion)).all()
    assert np.isnan(measured_mean(confusion))
    assert score_text(measured_mean(confusion)) == "not measured"


def test_a_class_without_truth_has_no_score_and_costs_those_whose_pixels_it_takes():
    confusion = np.array([[900, 0, 0, 100, 0], [0, 100, 0, 100, 0], [0, 0, 99, 0, 0], [0, 0, 0, 0, 0]])
    np.testing.assert_allclose(measured_iou(confusion), [0.9, 0.5, np.nan, np.nan])
    assert measured_mean(confusion) == pytest.approx(0.7)


@given(MATRICES)
def test_where_the_truth_shows_enough_of_every_class_it_is_the_vocs_mean(confusion):
    confusion[:, 0] += MIN_PIXELS
    assert measured_mean(confusion) == mean_iou(confusion)


@given(MATRICES)
def test_a_mean_is_over_the_classes_that_have_a_score(confusion):
    iou = measured_iou(confusion)
    known = iou[np.isfinite(iou)]
    assert len(known) in (0, 2, 3, 4)
    assert np.isnan(measured_mean(confusion)) == (len(known) == 0)
    assert len(known) == 0 or measured_mean(confusion) == pytest.approx(known.mean())


def test_an_image_is_scored_where_its_mask_shows_an_object():
    right = np.array([[9, 0, 0], [0, 1, 0]])
    assert image_score(right) == 1.0  # to set images in order, a pixel is enough
    assert np.isnan(image_score(np.array([[8, 2, 0], [0, 0, 0]])))


def split(masks, boxes):
    rows = [(image, f"{image}.jpg", 4, 4, mask, "") for image, mask in masks.items()]
    table = pd.DataFrame(boxes, columns=["image", "crowd"]).assign(label=1, x0=0, y0=0, x1=1, y1=1, difficult=0)
    return Catalogue(pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)), table, CLASSES)


def test_objects_are_those_of_the_images_with_a_mask_without_crowds():
    catalogue = split({"a": "a.png", "b": "", "c": "c.png"}, [("a", 0), ("a", 1), ("b", 0), ("c", 0)])
    found = basis_of(catalogue, np.array([900, 200, 0, 0]))
    assert found.counts == {"images": 2, "objects": 2, "classes": 1}


def test_a_table_says_what_its_scores_are_over_and_why_others_are_none():
    confusion = np.array([[900, 0, 0, 0, 0], [100, 100, 0, 0, 0], [0, 0, 50, 0, 0], [0, 0, 0, 0, 0]])
    table = score_table(basis(*confusion.sum(axis=1)), iou=confusion)
    assert list(table.columns) == ["class", "iou", "truth_pixels", "images", "objects", "classes", "note"]
    np.testing.assert_allclose(table["iou"], [0.9, 0.5, np.nan, np.nan, 0.7])
    few, none = "not measured: 50 pixels in the true masks, 100 are needed", "not measured: no pixel in the true masks"
    assert table["note"].tolist() == ["", "", few, none, ""]
    assert basis_text(table) == "2 images, 3 objects, 1 class"
    again = basis_from(table.set_index("class"))
    assert (again.over, again.apart) == (basis(900, 200, 50, 0).over, basis(900, 200, 50, 0).apart)
    empty = score_table(basis(900, 0, 0, 0), iou=np.diag([900, 0, 0, 0])[:, [0, 1, 2, 3, 3]]).set_index("class")
    assert empty["iou"].isna().all()
    assert empty["note"]["background"] == "not measured: no other class is"
    assert "show no class" in empty["note"][MEAN]
