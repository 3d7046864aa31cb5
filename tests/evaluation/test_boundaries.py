"""Boundary IoU and boundary F: worked by hand, and beside plain versions of the code that defined them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from boxsup.evaluation.boundaries import (
    BAND,
    COUNTS,
    RING,
    TOLERANCE,
    band_width,
    boundary_counts,
    boundary_f,
    boundary_iou,
    measured_boundaries,
)
from boxsup.image.files import read_mask

Mask = NDArray[np.bool_]
SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20))
MASKS = SIZES.flatmap(lambda size: st.tuples(*[arrays(np.bool_, size)] * 3))
VALUES = st.sampled_from([0, 0, 1, 2, 255])
LABELS = SIZES.flatmap(lambda size: st.tuples(*[arrays(np.uint8, size, elements=VALUES)] * 2))


def square(side: int, start: int, stop: int) -> Mask:
    mask = np.zeros((side, side), bool)
    mask[start:stop, start:stop] = True
    return mask


def nothing(mask: Mask) -> Mask:
    return np.zeros_like(mask)


def object_counts(mask: Mask, thing: Mask, void: Mask) -> NDArray[np.int64]:
    """The counts of a mask of the object `thing`, 1×7."""
    return boundary_counts(np.where(void, 255, thing).astype(np.uint8), mask.astype(np.uint8), 2)[1:]


def test_two_squares_worked_by_hand() -> None:
    thing, mask = square(60, 10, 30), square(60, 12, 32)
    counts = dict(zip(COUNTS, object_counts(mask, thing, nothing(mask))[0], strict=True))
    # 2 % of the diagonal, 1.7 px, are 2 px: a frame of 20² - 16² pixels. Both frames share 2×2 pixels where their sides
    # cross, at the upper right and the lower left: rows 12, 13 with columns 28, 29, and the other way round.
    assert band_width((60, 60)) == 2
    assert counts["true_band"] == counts["found_band"] == 20**2 - 16**2
    assert counts["both_bands"] == 8
    # Outlines are offset by half a pixel to the upper left: a frame, 1 px wide, of 21×21 pixels. The other is within 2
    # px of all but three of them, in the corner that is farthest away: (9, 9), (9, 10) and (10, 9).
    assert counts["true_edge"] == counts["found_edge"] == 80
    assert counts["true_matched"] == counts["found_matched"] == 77


def test_a_shift_of_two_pixels_is_forgiven_and_one_of_three_is_not() -> None:
    thing = np.zeros((40, 40), bool)
    thing[:, 20:] = True
    for shift, expected in ((0, 1.0), (2, 1.0), (3, 0.0)):
        mask = np.zeros_like(thing)
        mask[:, 20 + shift :] = True
        assert boundary_f(object_counts(mask, thing, nothing(thing)))[0] == expected


def test_the_border_of_the_image_is_an_outline_for_boundary_iou_and_none_for_f() -> None:
    thing = np.ones((20, 30), bool)
    counts = object_counts(thing, thing, nothing(thing))[0]
    assert counts[:3].tolist() == [20 * 30 - 18 * 28] * 3
    assert counts[3:].tolist() == [0] * 4
    assert boundary_iou(counts[None]) == [1]
    assert np.isnan(boundary_f(counts[None]))


def test_an_outline_anywhere_in_the_ring_of_void_is_that_of_the_truth() -> None:
    thing, void = square(60, 20, 40), square(60, 15, 45) & ~square(60, 20, 40)
    for stop in (40, 42, 45):
        counts = object_counts(square(60, 60 - stop, stop), thing, void)
        assert boundary_iou(counts) == boundary_f(counts) == [1]
    assert boundary_f(object_counts(square(60, 14, 46), thing, void))[0] > 0.9  # a pixel beyond the ring
    assert boundary_f(object_counts(square(60, 11, 49), thing, void))[0] == 0
    assert boundary_f(object_counts(square(60, 24, 36), thing, void))[0] == 0


def test_a_mask_over_everything_gets_no_outline_from_the_ring() -> None:
    thing, void = square(60, 20, 40), square(60, 15, 45) & ~square(60, 20, 40)
    counts = object_counts(square(60, 4, 56), thing, void)
    assert boundary_iou(counts) == boundary_f(counts) == [0]


def test_junk_in_a_region_of_void_counts_for_nothing() -> None:
    truth = np.zeros((120, 120), np.uint8)
    truth[20:50, 20:50] = 1
    truth[:, 60:] = 255
    found = np.zeros_like(truth)
    found[24:58, 22:50] = 1
    clean = boundary_counts(truth, found, 2)
    found[5:115:20, 70:110] = 1
    np.testing.assert_array_equal(boundary_counts(truth, found, 2), clean)


def test_all_void_measures_nothing() -> None:
    counts = boundary_counts(np.full((40, 40), 255, np.uint8), square(40, 10, 30).astype(np.uint8), 2)
    assert not counts.any()
    assert np.isnan(boundary_iou(counts)).all()
    assert np.isnan(boundary_f(counts)).all()


def test_the_ring_of_another_class_is_no_hit() -> None:
    truth = np.zeros((100, 100), np.uint8)
    truth[10:40, 10:40] = 255
    truth[15:35, 15:35] = 1
    truth[60:90, 60:90] = 2
    found = np.where(truth == 255, 2, truth).astype(np.uint8)
    found[60:90, 60:90] = 0
    counts = boundary_counts(truth, found, 3)
    assert boundary_iou(counts)[2] == boundary_f(counts)[2] == 0
    assert counts[2, COUNTS.index("found_band")] == counts[2, COUNTS.index("found_edge")] == 0


def test_the_found_map_may_have_void_of_its_own_which_is_no_class() -> None:
    truth = square(30, 10, 20).astype(np.uint8)
    found = np.where(truth > 0, 255, 0).astype(np.uint8)
    counts = boundary_counts(truth, found, 2)
    assert counts[1, COUNTS.index("found_band")] == counts[1, COUNTS.index("found_edge")] == 0
    assert boundary_iou(counts)[1] == boundary_f(counts)[1] == 0


def cheng_boundary(mask: NDArray[np.uint8], ratio: float = BAND) -> NDArray[np.uint8]:
    """`mask_to_boundary` of the code that accompanies the paper, written down plainly."""
    height, width = mask.shape
    steps = max(1, round(ratio * np.hypot(height, width)))
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=steps)
    return mask - eroded[1 : height + 1, 1 : width + 1]


def judged_of(thing: Mask, void: Mask) -> Mask:
    """Whatever is not void, and what is not farther than RING from a pixel of the object, looking at all of them."""
    judged = ~void
    for y, x in np.argwhere(void):
        rows, columns = (slice(max(0, place - RING), place + RING + 1) for place in (y, x))
        judged[y, x] = (thing & ~void)[rows, columns].any()
    return judged


def cheng_iou(mask: Mask, thing: Mask, judged: Mask) -> float:
    found, true = (cheng_boundary(each.astype(np.uint8)) > 0 for each in (mask, thing))
    found, true = found & judged, true & judged
    return (found & true).sum() / (found | true).sum() if (found | true).any() else float("nan")


def far_from(outline: Mask) -> NDArray[np.float64]:
    """The Euclidean distance of each pixel to the nearest of an outline, by looking at all of them."""
    rows, columns = np.indices(outline.shape)
    own = np.argwhere(outline)
    if not len(own):
        return np.full(outline.shape, np.inf)
    return np.hypot(rows[..., None] - own[:, 0], columns[..., None] - own[:, 1]).min(axis=-1)


def outline_of(mask: Mask) -> Mask:
    """Pixels that differ from their right, lower or lower right neighbour, one at a time."""
    edge = np.zeros_like(mask)
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            beside = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            edge[y, x] = any(mask[p] != mask[y, x] for p in beside if p[0] < height and p[1] < width)
    return edge


def outline_at_once(mask: Mask) -> Mask:
    """`outline_of` for large masks: the border of the image repeats itself beyond, so that it is no outline."""
    wide = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    four = np.stack([wide[:-1, :-1], wide[:-1, 1:], wide[1:, :-1], wide[1:, 1:]])
    return four.any(axis=0) & ~four.all(axis=0)


def judged_outline(outline: Mask, judged: Mask) -> Mask:
    """Without the pixels that are not judged, or lie beside one of the neighbours that make an outline."""
    kept = outline & judged
    kept[:, :-1] &= judged[:, 1:]
    kept[:-1] &= judged[1:]
    kept[:-1, :-1] &= judged[1:, 1:]
    return kept


def plain_f(mask: Mask, thing: Mask, judged: Mask) -> float:
    found, true = (judged_outline(outline_of(each), judged) for each in (mask, thing))
    if not found.any() and not true.any():
        return float("nan")
    if not found.any() or not true.any():
        return 0.0
    precision, recall = (far_from(true) <= TOLERANCE)[found].mean(), (far_from(found) <= TOLERANCE)[true].mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@settings(max_examples=30, deadline=None)
@given(MASKS)
def test_scores_of_a_mask_are_those_of_plain_code_with_void_as_found(masks: tuple[Mask, Mask, Mask]) -> None:
    mask, thing, void = masks
    counts = object_counts(mask, thing, void)
    filled, judged = np.where(void, mask, thing), judged_of(thing, void)
    np.testing.assert_allclose(boundary_iou(counts), [cheng_iou(mask, filled, judged)])
    np.testing.assert_allclose(boundary_f(counts), [plain_f(mask, filled, judged)])


@settings(max_examples=30, deadline=None)
@given(LABELS)
def test_classes_of_a_map_are_counted_as_each_mask_alone(maps: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
    truth, found = maps
    counts = boundary_counts(truth, found, 3)
    assert not counts[0].any()
    for label in (1, 2):
        alone = object_counts(found == label, truth == label, truth == 255)[0]
        np.testing.assert_array_equal(counts[label], alone)


@settings(max_examples=30, deadline=None)
@given(LABELS)
def test_turning_both_maps_around_turns_the_counts_around(maps: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
    one, other = (np.where(each == 255, 0, each).astype(np.uint8) for each in maps)
    counts, turned = boundary_counts(one, other, 3), boundary_counts(other, one, 3)
    np.testing.assert_array_equal(turned, counts[:, [1, 0, 2, 4, 3, 6, 5]])
    np.testing.assert_array_equal(boundary_f(turned), boundary_f(counts))
    known = counts[:, :2].sum(axis=1) > 0
    assert ((boundary_iou(counts)[known] >= 0) & (boundary_iou(counts)[known] <= 1)).all()
    assert (boundary_iou(boundary_counts(one, one, 3))[np.unique(one[one > 0])] == 1).all()


def test_on_real_masks_they_are_those_of_plain_code(voc_mini) -> None:
    paths = sorted((voc_mini / "SegmentationClass").glob("*.png"))[:3]
    for path in paths:
        truth = read_mask(path)
        found = np.roll(truth, (5, -7), (0, 1))
        counts = boundary_counts(truth, found, 21)
        for label in set(np.unique(truth)) - {0, 255}:
            mask = found == label
            true, judged = np.where(truth == 255, mask, truth == label), judged_of(truth == label, truth == 255)
            assert boundary_iou(counts)[label] == pytest.approx(cheng_iou(mask, true, judged))
            edges = [judged_outline(outline_at_once(each), judged) for each in (true, mask)]
            near = [distance_transform_edt(~edge) <= TOLERANCE for edge in edges]
            matched = [(edge & other).sum() for edge, other in zip(edges, near[::-1], strict=True)]
            assert counts[label, 3:].tolist() == [*(edge.sum() for edge in edges), *matched]


def test_only_classes_with_enough_truth_are_measured_and_the_background_is_none() -> None:
    counts = np.zeros((4, 7), np.int64)
    counts[1] = [4, 4, 2, 4, 4, 4, 4]
    counts[2] = [4, 4, 4, 4, 4, 2, 2]
    counts[3] = [4, 4, 4, 4, 4, 4, 4]
    scores = measured_boundaries(counts, np.array([5000, 500, 500, 99]))
    np.testing.assert_allclose(scores["boundary_iou"], [np.nan, 1 / 3, 1, np.nan, 2 / 3])
    np.testing.assert_allclose(scores["boundary_f"], [np.nan, 1, 0.5, np.nan, 0.75])
    assert all(np.isnan(values).all() for values in measured_boundaries(counts, np.array([5000, 99, 99, 99])).values())
