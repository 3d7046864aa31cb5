import hashlib
import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from boxsup.image.boxes import BOXES_PER_BLOCK, box_iou
from boxsup.labels.choice import Chosen
from boxsup.labels.generation import LabelUpdate
from boxsup.labels.sharpening import sharpened
from boxsup.proposals.pool import make_pool
from helpers.golden import check_golden
from helpers.updates import OURS

SETTINGS = OURS.changed(k=5)
BOXES = pd.DataFrame(
    {
        "image": "a",
        "label": [1, 2, 1],
        "x0": [2, 20, 4],
        "y0": [2, 4, 16],
        "x1": [18, 38, 12],
        "y1": [20, 28, 26],
        "difficult": [0, 1, 0],
        "crowd": [0, 0, 0],
    }
)


def scene(seed=0):
    """A 30×40 image of 48 square superpixels, and 300 random candidates."""
    random = np.random.default_rng(seed)
    superpixels = np.arange(48).reshape(6, 8).repeat(5, axis=0).repeat(5, axis=1)
    y, x = np.divmod(np.arange(48), 8)
    centre, radius = random.random((300, 2)) * [6, 8], random.random(300) * 3 + 0.7
    members = (y - centre[:, :1]) ** 2 + (x - centre[:, 1:]) ** 2 < radius[:, None] ** 2
    return make_pool(superpixels, members, -np.arange(300.0))


def update(settings=SETTINGS, scores=None, seed=0, generation=1):
    pool = scene()
    corners = BOXES[["x0", "y0", "x1", "y1"]].to_numpy()
    return LabelUpdate({"a": pool}, {"a": box_iou(corners, pool.boxes)}, scores, settings, seed, generation)


def smooth_scores(image, labels):
    y, x = np.mgrid[:30, :40] / 10.0
    logits = np.stack([np.sin(x + label) * np.cos(y - label) for label in range(3)])
    return (logits - np.log(np.exp(logits).sum(axis=0)))[labels].astype(np.float32)


def test_a_label_map_is_what_the_choices_say():
    made = update()
    result = made.labels("a", 30, 40, BOXES)
    expected = np.zeros((30, 40), np.uint8)
    for row in (1, 0, 2):  # from the largest box to the smallest
        box, choice = BOXES.iloc[row], result.choices[row]
        inside = np.zeros((30, 40), bool)
        inside[box.y0 : box.y1, box.x0 : box.x1] = True
        segment = made.pools["a"].mask(choice.chosen) if choice.chosen >= 0 else inside
        expected[segment & inside] = box.label
    np.testing.assert_array_equal(result.labels, expected)
    assert set(np.unique(expected)) == {0, 1, 2}


def test_an_image_without_boxes_is_background():
    result = update().labels("a", 30, 40, BOXES[:0])
    assert result.choices == []
    assert not result.labels.any()


@pytest.mark.parametrize(("difficult", "role"), [("use", 2), ("void", 255), ("ignore", 0)])
def test_difficult_boxes_supervise_or_are_void_or_nothing(difficult, role):
    result = update(SETTINGS.changed(difficult=difficult)).labels("a", 30, 40, BOXES)
    assert (result.choices[1].chosen == Chosen.NOTHING) == (difficult != "use")
    assert set(np.unique(result.labels[4:28, 20:38])) <= {0, role}
    assert role in result.labels[4:28, 20:38]


def test_crowds_are_void_and_choose_nothing():
    crowd = BOXES.assign(crowd=[0, 1, 0])
    result = update().labels("a", 30, 40, crowd)
    assert result.choices[1].chosen == Chosen.NOTHING
    assert (result.labels[4:28, 20:38] == 255).all()


def test_a_boxs_draw_depends_on_no_other_box():
    alone = update(SETTINGS.changed(difficult="ignore")).labels("a", 30, 40, BOXES)
    together = update().labels("a", 30, 40, BOXES)
    assert [alone.choices[row].chosen for row in (0, 2)] == [together.choices[row].chosen for row in (0, 2)]


def test_seeds_and_generations_draw_anew():
    draws = {
        tuple(choice.chosen for choice in update(seed=seed, generation=number).labels("a", 30, 40, BOXES).choices)
        for seed in range(3)
        for number in range(1, 4)
    }
    assert len(draws) > 4


def test_the_network_is_asked_once_an_image_for_its_own_labels():
    asked = []

    def scores(image, labels):
        asked.append((image, list(labels)))
        return smooth_scores(image, labels)

    update(scores=scores).labels("a", 30, 40, BOXES)
    assert asked == [("a", [0, 1, 2])]


def test_golden():
    result = update(scores=smooth_scores).labels("a", 30, 40, BOXES)
    chosen = [choice.chosen for choice in result.choices]
    digest = hashlib.sha256(result.labels.tobytes()).hexdigest()[:16]
    check_golden("labels", (chosen, digest), ([163, 94, 193], "390e212e661a92de"))


def many(count, side=400):
    """A picture of 400 superpixels with as many boxes, and 40 candidates."""
    random = np.random.default_rng(0)
    superpixels = np.arange(400).reshape(20, 20).repeat(side // 20, axis=0).repeat(side // 20, axis=1)
    pool = make_pool(superpixels, random.random((40, 400)) < 0.5, -np.arange(40.0))
    corners = random.integers(0, side - 40, (count, 2))
    corners = np.concatenate([corners, corners + random.integers(10, 40, (count, 2))], axis=1)
    columns = dict(zip(("x0", "y0", "x1", "y1"), corners.T, strict=True))
    boxes = pd.DataFrame({"image": "a", "label": 1 + np.arange(count) % 2, **columns, "difficult": 0, "crowd": 0})
    scores = np.log(random.dirichlet(np.ones(3), (side, side)).transpose(2, 0, 1)).astype(np.float32)
    made = LabelUpdate(
        {"a": pool}, {"a": box_iou(corners, pool.boxes)}, lambda _, labels: scores[labels], SETTINGS, 0, 1
    )
    return made, boxes, side


def test_memory_does_not_grow_with_boxes_times_pixels():
    peaks = []
    for count in (BOXES_PER_BLOCK, 8 * BOXES_PER_BLOCK):
        made, boxes, side = many(count)
        tracemalloc.start()
        made.labels("a", side, side, boxes)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    masks = 7 * BOXES_PER_BLOCK * side**2  # bytes of a mask of each box that was added, a fourth of its scores
    assert peaks[1] - peaks[0] < 0.1 * masks


def test_boxes_choose_the_same_however_many_do_so_at_once(monkeypatch):
    made, boxes, side = many(60)
    whole = made.labels("a", side, side, boxes)
    monkeypatch.setattr("boxsup.image.boxes.BOXES_PER_BLOCK", 7)
    parts = made.labels("a", side, side, boxes)
    assert [choice.chosen for choice in parts.choices] == [choice.chosen for choice in whole.choices]
    np.testing.assert_array_equal(parts.labels, whole.labels)
    for one, other in zip(parts.choices, whole.choices, strict=True):
        np.testing.assert_allclose(one.expected_iou, other.expected_iou, rtol=1e-5)


@pytest.mark.parametrize("seen", ["nothing", "left half", None])
def test_a_small_box_that_no_candidate_fits_keeps_pixels_within_a_large_one(seen):
    pool = make_pool(np.zeros((12, 12), np.int64), np.ones((1, 1), bool), np.zeros(1))
    boxes = BOXES.iloc[:2].assign(label=[1, 2], x0=[0, 4], y0=[0, 4], x1=[12, 8], y1=[12, 8], difficult=0)
    maps = np.full((2, 20, 20), 230, np.uint8)  # the large box's map is sure of all of it
    maps[1] = 0
    maps[1, :, :10] = 0 if seen == "nothing" else 255
    iou = box_iou(boxes[["x0", "y0", "x1", "y1"]].to_numpy(), pool.boxes)
    objects = None if seen is None else {"a": maps}
    result = LabelUpdate({"a": pool}, {"a": iou}, None, OURS.changed(mu=0.75), 0, 1, objects).labels("a", 12, 12, boxes)
    assert result.choices[0].chosen == 0
    assert result.choices[1].chosen == (Chosen.MAP if seen == "left half" else Chosen.RECTANGLE)
    expected = np.ones((12, 12), np.uint8)
    expected[4:8, 4 : 6 if seen == "left half" else 8] = 2
    np.testing.assert_array_equal(result.labels, expected)


def sharp_update(settings, **changes):
    maps = np.random.default_rng(1).integers(0, 256, (3, 30, 30), np.uint8)
    return replace(
        update(settings.changed(mu=0.75, sharpen=True, overlapping="surest", **changes)), objects={"a": maps}
    )


def test_sharpened_segments_are_what_is_painted():
    made = sharp_update(OURS)
    result, maps = made.labels("a", 30, 40, BOXES), made.objects["a"]
    masks = [None if mask is None else mask.pixels() for mask in result.sharpened]
    for row, (choice, mask) in enumerate(zip(result.choices, masks, strict=True)):
        corners = BOXES[["x0", "y0", "x1", "y1"]].to_numpy()[row]
        x0, y0, x1, y1 = corners
        np.testing.assert_array_equal(mask[y0:y1, x0:x1], sharpened(choice, made.pools["a"], corners, maps[row]))
        outside = mask.copy()
        outside[y0:y1, x0:x1] = False
        assert not outside.any()
        assert not np.array_equal(mask, made.pools["a"].mask(choice.chosen))
    np.testing.assert_array_equal(result.labels > 0, np.any(masks, axis=0))
    np.testing.assert_array_equal(result.labels == 2, masks[1])  # apart from the others


def test_nothing_is_sharpened_without_maps_or_where_it_is_not_wished():
    made = sharp_update(OURS)
    plain = replace(made, settings=made.settings.changed(sharpen=False)).labels("a", 30, 40, BOXES)
    assert plain.sharpened == [None] * 3
    without = replace(made, objects=None)
    alone = replace(without, settings=made.settings.changed(sharpen=False)).labels("a", 30, 40, BOXES)
    np.testing.assert_array_equal(without.labels("a", 30, 40, BOXES).labels, alone.labels)


@pytest.mark.parametrize("difficult", ["void", "ignore"])
def test_a_box_that_chooses_nothing_is_not_sharpened(difficult):
    result = sharp_update(OURS, difficult=difficult).labels("a", 30, 40, BOXES)
    assert [mask is None for mask in result.sharpened] == [False, True, False]
    assert set(np.unique(result.labels[4:28, 20:38])) == ({255} if difficult == "void" else {0})


def test_what_the_network_sees_stays_with_the_choice():
    sees_left = np.full((3, 30, 40), -3.0, np.float32)
    sees_left[1:, :, :10] = -0.05  # the left half of the first box, columns 2 to 17
    made = replace(sharp_update(OURS), scores=lambda _, labels: sees_left[labels])
    where = made.labels("a", 30, 40, BOXES).choices[0].where[made.pools["a"].superpixels[2:20, 2:18]]
    assert where[:, :8].min() > where[:, 8:].max()
    assert made.labels("a", 30, 40, BOXES).sharpened[0] is not None
    assert update().labels("a", 30, 40, BOXES).choices[0].where is None
