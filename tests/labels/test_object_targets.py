import numpy as np

from boxsup.labels.object_targets import expected_shares, fold_of, soft_target, true_target
from boxsup.objects.codes import OBJECT, UNKNOWN
from boxsup.objects.crops import margin_of
from boxsup.proposals.pool import make_pool
from helpers.updates import OURS

INNER = np.s_[margin_of(20) : margin_of(20) + 20, margin_of(20) : margin_of(20) + 20]


def test_a_soft_target_is_the_share_in_the_box_and_nothing_in_the_margin():
    target = soft_target(np.array([[0.5, 1.0]], np.float32), 20)
    assert target.shape == (28, 28)
    assert target[INNER][0, 0] == round(OBJECT / 2)
    assert (target[INNER][:, -3:] == OBJECT).all()
    assert target.sum() == target[INNER].sum()


def test_a_true_target_is_the_class_in_the_box():
    labels = np.array([[1, 1, 2, 0], [1, 1, 2, 0]], np.uint8).repeat(10, 0).repeat(10, 1)
    target = true_target(labels, np.array([[10, 0, 30, 20]]), [1], 0, 20)[INNER]
    assert (target[:, :10] == OBJECT).all()
    assert (target[:, 10:] == 0).all()


def test_void_is_unknown_and_so_is_the_class_where_two_of_its_boxes_overlap():
    labels = np.ones((20, 20), np.uint8)
    labels[:5], labels[5:10] = 255, 2
    boxes = np.array([[0, 0, 20, 20], [10, 0, 20, 20]])
    target = true_target(labels, boxes, [1, 1], 0, 20)[INNER]
    assert (target[:5] == UNKNOWN).all()
    assert (target[5:10] == 0).all()  # another class is known not to be the object
    assert (target[10:, :10] == OBJECT).all()
    assert (target[10:, 10:] == UNKNOWN).all()


def test_a_box_expects_what_its_candidates_hold_and_teaches_nothing_without_one_that_fits():
    superpixels = np.repeat(np.arange(4)[None], 2, axis=0)
    pool = make_pool(superpixels, np.array([[True, True, False, False]]), np.array([1.0]))
    boxes = np.array([[0, 0, 3, 2], [3, 0, 4, 2]])
    first, second = expected_shares(pool, boxes, np.array([[2 / 3], [0.0]], np.float32), OURS)
    np.testing.assert_array_equal(first, [[1, 1, 0], [1, 1, 0]])
    assert second is None


def test_maps_of_the_round_before_decide_between_candidates():
    superpixels = np.arange(4)[None]
    matrix = np.array([[True, True, True, True], [True, True, True, False]])
    pool = make_pool(superpixels, matrix, np.array([2.0, 1.0]))
    box, iou = np.array([[0, 0, 4, 1]]), np.array([[1.0, 0.75]], np.float32)
    seen = np.array([[[255, 255, 255, 0]] * 4], np.uint8)
    settings = OURS.changed(mu=10.0)
    [without], [told] = expected_shares(pool, box, iou, settings), expected_shares(pool, box, iou, settings, seen)
    assert without[0, 3] > 0.5 > told[0, 3]


def test_parts_are_of_equal_size_whatever_the_order():
    images = [f"{n}" for n in range(7)]
    draws = {image: (int(image) * 5 % 7) / 7 for image in images}
    folds = fold_of(images, 3, draws)
    assert sorted(np.bincount(list(folds.values()))) == [2, 2, 3]
    assert folds == fold_of(images[::-1], 3, draws)
