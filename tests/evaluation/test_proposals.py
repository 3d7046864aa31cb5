"""Best candidates and the measures made of them, by hand and against dense masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from boxsup.evaluation.proposals import (
    BUDGET_NAMES,
    BUDGETS,
    Matches,
    class_level,
    concatenate,
    match_objects,
    objects_table,
    summary_table,
)
from boxsup.proposals.pool import Pool, make_pool
from boxsup.random import generator

LAST = len(BUDGETS)


def pool_of(superpixels, rows) -> Pool:
    """A pool of candidates given as rows of 0 and 1, the first one best."""
    return make_pool(np.array(superpixels), np.array(rows, bool), -np.arange(len(rows), dtype=float))


# Six columns of two pixels each; object 1 is the first two columns, object 4 the last two, a column of void between.
OBJECTS = np.array([[1, 1, 0, 255, 4, 4]] * 2, np.uint8)
CLASSES = np.array([[2, 2, 0, 255, 1, 1]] * 2, np.uint8)
COLUMNS = [[0, 1, 2, 3, 4, 5]] * 2


def test_two_objects_worked_by_hand():
    candidates = [
        [1, 1, 1, 0, 0, 0],  # object 1 and a background column: 4 of 6
        [0, 0, 0, 1, 1, 0],  # half of object 4, and void, which counts for nobody: 2 of 4
        [1, 0, 0, 0, 0, 0],  # half of object 1: 2 of 4
        [1, 1, 0, 1, 0, 0],  # all of object 1, and void: 4 of 4
    ]
    matches = match_objects(pool_of(COLUMNS, candidates), OBJECTS, CLASSES)
    assert matches.objects.tolist() == [1, 4]
    assert matches.class_ids.tolist() == [2, 1]
    assert matches.areas.tolist() == [4, 4]
    assert matches.boxes.tolist() == [[0, 0, 2, 2], [4, 0, 6, 2]]
    # Budgets 1, 2, 5, …: one candidate, two, all four.
    assert matches.best[:, :3].tolist() == [[0, 0, 3], [0, 1, 1]]
    assert matches.intersection[:, :3].tolist() == [[4, 4, 4], [0, 2, 2]]
    assert matches.union[:, :3].tolist() == [[6, 6, 4], [10, 4, 4]]
    assert matches.iou[:, LAST].tolist() == [1.0, 0.5]
    # Tight boxes have their void pixels: that of the last candidate is one column wider than the object's.
    assert matches.box_iou[:, :3] == pytest.approx(np.array([[2 / 3, 2 / 3, 2 / 3], [0, 1 / 3, 1 / 3]]))


def test_the_summary_worked_by_hand():
    # Two cats of 100 and 10 pixels, a dog of 50, and an object whose class nobody knows.
    budgets = len(BUDGET_NAMES)
    inter, union = np.array([80, 2, 20, 3]), np.array([100, 10, 80, 4])
    ones = np.ones(4, np.int64)
    matches = Matches(
        objects=ones,
        class_ids=np.array([1, 1, 2, 0]),
        areas=ones,
        boxes=np.zeros((4, 4), np.int64),
        best=np.zeros((4, budgets), np.int64),
        intersection=np.repeat(inter[:, None], budgets, axis=1),
        union=np.repeat(union[:, None], budgets, axis=1),
        box_iou=np.full((4, budgets), 0.5),
    )
    table = summary_table(matches, [3, 150]).set_index("budget")
    assert list(table.index) == list(BUDGET_NAMES)
    assert table.loc["2", "candidates"] == 2
    assert table.loc["100", "candidates"] == 51.5
    assert table.loc["all", "candidates"] == 76.5
    assert table.loc["all", "j_i"] == pytest.approx((0.8 + 0.2 + 0.25 + 0.75) / 4)
    assert table.loc["all", "j_c"] == pytest.approx((82 / 110 + 20 / 80) / 2)
    assert table.loc["all", ["recall_50", "recall_70", "recall_85"]].tolist() == [0.5, 0.5, 0.0]
    assert table.loc["all", "best_box_iou"] == 0.5


def test_recall_counts_objects_above_the_threshold_and_not_at_it():
    # The protocol's `max_J > 0.5`: object 1 is met by half.
    matches = match_objects(pool_of(COLUMNS, [[1, 0, 0, 0, 0, 0]]), OBJECTS)
    assert matches.iou[0, LAST] == 0.5
    assert summary_table(matches, [1])["recall_50"].iloc[-1] == 0.0


def test_without_candidates_every_object_is_missed():
    pool = make_pool(np.zeros((2, 6), int), np.zeros((0, 1), bool), np.zeros(0))
    matches = match_objects(pool, OBJECTS, CLASSES)
    assert (matches.best == -1).all()
    assert (matches.iou == 0).all()
    assert (matches.box_iou == 0).all()
    assert class_level(matches).tolist() == [0.0] * len(BUDGET_NAMES)


def test_without_objects_there_is_nothing_to_measure():
    matches = match_objects(pool_of(COLUMNS, [[1, 0, 0, 0, 0, 0]]), np.full((2, 6), 255, np.uint8))
    assert len(matches) == 0
    assert summary_table(matches, [1])[["j_i", "j_c", "recall_50", "best_box_iou"]].isna().all(axis=None)


def test_without_a_class_map_only_the_class_level_is_unknown():
    table = summary_table(match_objects(pool_of(COLUMNS, [[1, 1, 0, 0, 0, 0]]), OBJECTS), [1])
    assert table["j_c"].isna().all()
    assert table["j_i"].iloc[-1] == 0.5


def test_a_map_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"expected masks of the pool's size \(2, 6\), got \(2, 5\)"):
        match_objects(pool_of(COLUMNS, [[1, 0, 0, 0, 0, 0]]), OBJECTS[:, :5])


def test_the_table_of_objects():
    table = objects_table("a", match_objects(pool_of(COLUMNS, [[1, 1, 1, 0, 0, 0]]), OBJECTS, CLASSES))
    assert table["image"].tolist() == ["a", "a"]
    row = table.iloc[0]
    assert row[["object", "label", "area", "x0", "y0", "x1", "y1", "best"]].tolist() == [1, 2, 4, 0, 0, 2, 2, 0]
    assert row["iou_1"] == row["iou_all"] == pytest.approx(2 / 3)


@given(st.integers(0, 2**32), st.integers(1, 14), st.integers(1, 14), st.integers(0, 30))
def test_against_dense_masks_and_another_program(seed, height, width, candidates):
    draws = generator(seed, "test")
    superpixels = draws.integers(0, 12, (height, width))
    pool = make_pool(superpixels, draws.random((candidates, 12)) < 0.4, draws.random(candidates))
    objects = draws.choice(np.array([0, 1, 2, 9, 255], np.uint8), (height, width))
    classes = draws.choice(np.array([0, 3, 7, 255], np.uint8), (height, width))
    matches = match_objects(pool, objects, classes)
    assert matches.objects.tolist() == [number for number in (1, 2, 9) if (objects == number).any()]
    known = objects != 255
    masks = [pool.mask(i) & known for i in range(len(pool))]
    for row, number in enumerate(matches.objects):
        own = objects == number
        expected = dense_iou(own, masks)
        for column, budget in enumerate((*BUDGETS, len(pool))):
            assert matches.iou[row, column] == pytest.approx(max(expected[:budget], default=0.0))
            best = matches.best[row, column]
            assert (best == -1) == (len(pool) == 0)
            if best >= 0:
                assert expected[best] == max(expected[:budget])
                assert matches.intersection[row, column] == (own & masks[best]).sum()
                assert matches.union[row, column] == (own | masks[best]).sum()
        votes = [(classes[own] == label).sum() for label in (3, 7)]
        assert matches.class_ids[row] == (0 if not any(votes) else (3, 7)[int(np.argmax(votes))])
        assert matches.areas[row] == own.sum()
        x0, y0, x1, y1 = matches.boxes[row]
        assert own[y0:y1, x0:x1].sum() == own.sum()
        assert all(line.any() for line in (own[y0, :], own[y1 - 1, :], own[:, x0], own[:, x1 - 1]))
    iou = matches.iou
    assert (np.diff(iou, axis=1) >= 0).all()
    assert (np.diff(matches.box_iou, axis=1) >= 0).all()


def dense_iou(own, masks) -> list[float]:
    """IoU of an object with each mask, by the COCO tools."""
    if not masks:
        return []
    encoded = coco.encode(np.asfortranarray(np.stack([own, *masks], axis=-1).astype(np.uint8)))
    return coco.iou(encoded[:1], encoded[1:], [0] * len(masks))[0].tolist()


def test_images_add_up():
    parts = [
        match_objects(pool_of(COLUMNS, rows), OBJECTS, CLASSES) for rows in ([[1, 1, 0, 0, 0, 0]], [[0, 0, 0, 0, 1, 1]])
    ]
    whole = concatenate(parts)
    assert whole.iou[:, LAST].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert class_level(whole)[LAST] == pytest.approx(0.5 * (4 / 12 + 4 / 12))
