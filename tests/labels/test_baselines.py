"""Masks from boxes that never change."""

import cv2
import numpy as np
import pandas as pd
import pytest

from boxsup.labels.baselines import BASELINES, baseline_labels
from boxsup.labels.bbox_seg import bbox_seg, centre_of
from boxsup.labels.choice import Chosen
from boxsup.labels.grabcut import grabcut
from helpers.scenes import two_rectangles

NOISE = np.random.default_rng(0).normal(0, 6, (90, 120, 3))


def disc(radius=25):
    """A noisy red disc on a noisy green ground: the picture, the disc and its box."""
    rows, columns = np.mgrid[:90, :120]
    mask = np.hypot(rows - 44, columns - 59) <= radius
    picture = np.where(mask[..., None], (200, 60, 40), (60, 140, 60)) + NOISE
    box = np.array([59 - radius, 44 - radius, 60 + radius, 45 + radius])
    return picture.clip(0, 255).astype(np.uint8), mask, box


def table(boxes, labels, crowd=None):
    corners = dict(zip(("x0", "y0", "x1", "y1"), np.asarray(boxes).reshape(-1, 4).T, strict=True))
    return pd.DataFrame({"image": "a", "label": labels, **corners, "difficult": 0, "crowd": crowd or [0] * len(labels)})


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_grabcut_finds_a_disc_in_its_box():
    picture, mask, box = disc()
    found = grabcut(picture, box)
    assert iou(found, mask) > 0.97
    outside = np.ones_like(mask)
    outside[box[1] : box[3], box[0] : box[2]] = False
    assert not (found & outside).any()


def test_grabcut_is_the_same_whatever_was_drawn_before():
    picture, _, box = disc()
    picture = (picture.astype(int) // 3 + np.random.default_rng(1).integers(0, 120, picture.shape)).astype(np.uint8)
    first = grabcut(picture, box)
    cv2.setRNGSeed(77)
    cv2.randu(np.zeros((50, 50)), 0, 1)
    np.testing.assert_array_equal(grabcut(picture, box), first)


def test_grabcut_finds_nothing_where_the_box_is_the_image_or_all_is_one_colour():
    picture, _, box = disc()
    assert grabcut(picture, np.array([0, 0, 120, 90])) is None
    assert grabcut(np.full_like(picture, 90), box) is None


def test_the_centre_has_a_fifth_of_the_boxs_pixels_and_its_middle():
    rows, columns = centre_of(np.array([10, 20, 110, 70]))  # 100×50; the square root of 0.2 is 0.447
    assert (rows, columns) == (slice(34, 56), slice(37, 82))
    assert centre_of(np.array([5, 6, 6, 7])) == (slice(6, 7), slice(5, 6))


def test_bbox_seg_finds_a_disc_in_its_box():
    picture, mask, box = disc()
    labels = bbox_seg(picture, box[None], np.array([7]))
    assert labels.dtype == np.uint8
    assert set(np.unique(labels)) == {0, 7}
    assert iou(labels == 7, mask) > 0.95


def test_bbox_seg_keeps_what_is_held_whatever_the_picture_says():
    picture, _, _ = disc(radius=9)  # smaller than the centre of the box around it
    boxes = np.array([[20, 10, 100, 80], [70, 40, 118, 88]])
    labels = bbox_seg(picture, boxes, np.array([3, 5]))
    union = np.zeros(labels.shape, bool)
    for x0, y0, x1, y1 in boxes:
        union[y0:y1, x0:x1] = True
    assert (labels[~union] == 0).all()
    assert (labels[centre_of(boxes[1])] == 5).all()  # of the smaller box, where centres meet
    assert (labels[40:49, 45:60] == 3).all()
    in_first_only = np.zeros(labels.shape, bool)
    in_first_only[10:80, 20:70] = True
    assert set(np.unique(labels[in_first_only])) <= {0, 3}


def test_bbox_seg_without_boxes_is_background():
    picture, _, _ = disc()
    assert not bbox_seg(picture, np.zeros((0, 4), int), np.zeros(0, int)).any()


@pytest.mark.parametrize("kind", BASELINES)
def test_each_box_is_on_record_and_crowds_are_void(kind):
    picture, masks = two_rectangles()
    boxes = table([[10, 10, 50, 40], [60, 50, 110, 80], [0, 60, 40, 90]], [1, 2, 1], crowd=[0, 0, 1])
    made = baseline_labels(kind, picture, boxes)
    expected = np.zeros((90, 120), np.uint8)
    expected[60:, :40] = 255
    expected[masks[0]], expected[masks[1]] = 1, 2
    np.testing.assert_array_equal(made.labels, expected)
    used = {"rectangles": [Chosen.RECTANGLE] * 2, "grabcut": [Chosen.SEGMENT] * 2, "bbox_seg": [Chosen.SEGMENT] * 2}[
        kind
    ]
    assert made.chosen.tolist() == [*used, Chosen.NOTHING]


@pytest.mark.parametrize("kind", BASELINES)
def test_images_without_boxes_are_background(kind):
    made = baseline_labels(kind, disc()[0], table([], []))
    assert not made.labels.any()
    assert made.chosen.shape == (0,)


def test_rectangles_fill_boxes_and_the_smaller_wins():
    picture, _, _ = disc()
    boxes = table([[2, 2, 18, 20], [20, 4, 38, 28], [4, 16, 12, 26]], [1, 2, 3])
    labels = baseline_labels("rectangles", picture, boxes).labels
    assert (labels[4:28, 20:38] == 2).all()
    assert (labels[16:26, 4:12] == 3).all()
    assert (labels > 0).sum() == 16 * 18 + 18 * 24 + 8 * 10 - 8 * 4


def test_grabcut_falls_back_to_the_rectangle():
    flat = np.full((90, 120, 3), 90, np.uint8)
    made = baseline_labels("grabcut", flat, table([[10, 10, 50, 40]], [4]))
    assert made.chosen.tolist() == [Chosen.RECTANGLE]
    assert (made.labels[10:40, 10:50] == 4).all()
    assert (made.labels > 0).sum() == 1200


@pytest.mark.parametrize("kind", BASELINES)
def test_difficult_boxes_are_used_void_or_left_out_as_where_boxes_choose(kind):
    picture, _, box = disc()
    boxes = table([box, (2, 2, 20, 20)], [1, 2])
    difficult = boxes.assign(difficult=[0, 1])
    plain, used = baseline_labels(kind, picture, boxes), baseline_labels(kind, picture, difficult)
    np.testing.assert_array_equal(used.labels, plain.labels)
    alone = baseline_labels(kind, picture, boxes[:1])
    ignored, void = (baseline_labels(f"{kind}-{how}", picture, difficult) for how in ("ignore", "void"))
    np.testing.assert_array_equal(ignored.labels, alone.labels)
    crowded = baseline_labels(kind, picture, boxes.assign(crowd=[0, 1]))
    np.testing.assert_array_equal(void.labels, crowded.labels)
    assert (void.labels[2:20, 2:20] != 2).all()
    assert 255 in void.labels[2:20, 2:20]
    assert ignored.chosen[1] == void.chosen[1] == Chosen.NOTHING
    assert used.chosen[1] != Chosen.NOTHING
