import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxsup.labels.update import RECTANGLE, choose, overlap_costs, paint, regression_costs
from boxsup.random import generator
from boxsup.settings import UpdateSettings

PAPER = UpdateSettings(
    k=5,
    lambda_=3.0,
    overlap_norm="candidates",
    region="image",
    norm="none",
    centre=False,
    clamp=0.0,
    clip=False,
    fallback_iou=0.0,
    difficult="use",
)
OURS = replace(
    PAPER,
    lambda_=1.0,
    overlap_norm="none",
    region="box",
    norm="box",
    centre=True,
    clamp=5.0,
    clip=True,
    fallback_iou=0.5,
)

# Six pixels in a row, three superpixels of two, four candidates; the box holds the first four pixels.
SUPERPIXELS = np.array([[0, 0, 1, 1, 2, 2]])
MEMBERS = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 1, 1]], bool)
BOX = np.array([[0, 0, 4, 1]])
IOU = np.array([[2 / 4, 4 / 4, 2 / 6, 4 / 6]])
P_LABEL = np.array([[0.8, 0.8, 0.8, 0.5, 0.2, 0.2]])
SCORES = np.log(np.stack([1 - P_LABEL, P_LABEL]))
L = np.log(4)  # d = log p_background - log p_label is -L, -L, -L, 0, L, L


def test_regression_of_six_pixels_as_the_paper_prints_it():
    constant = -(3 * np.log(0.2) + np.log(0.5) + 2 * np.log(0.8))
    expected = constant + np.array([[-2 * L, -3 * L, -L + 2 * L, -3 * L + 2 * L]])
    np.testing.assert_allclose(regression_costs(SCORES, SUPERPIXELS, MEMBERS, BOX, PAPER), expected)


def test_regression_of_six_pixels_centred_in_the_box():
    # In the box d is -L, -L, -L, 0 with mean -3L/4: centred -L/4 three times and 3L/4; divided by the box's 4 pixels.
    expected = np.array([[-2 * L / 4, 0, -L / 4 + 3 * L / 4, 0]]) / 4
    np.testing.assert_allclose(regression_costs(SCORES, SUPERPIXELS, MEMBERS, BOX, OURS), expected, atol=1e-12)


def test_a_clamp_bounds_what_a_pixel_counts():
    settings = replace(OURS, clamp=0.5)
    expected = np.array([[-2 * L / 4, -3 * L / 4 + 0.5, -L / 4 + 0.5, -3 * L / 4 + 0.5]]) / 4
    np.testing.assert_allclose(regression_costs(SCORES, SUPERPIXELS, MEMBERS, BOX, settings), expected)


def test_overlap_of_six_pixels():
    np.testing.assert_allclose(overlap_costs(IOU, OURS), [[0.5, 0, 2 / 3, 1 / 3]])
    np.testing.assert_allclose(overlap_costs(IOU, PAPER), np.array([[0.5, 0, 2 / 3, 1 / 3]]) / 4)


@pytest.mark.parametrize(("lambda_", "winner"), [(0.0, 1), (1.0, 1), (100.0, 0)])
def test_the_greedy_choice_of_six_pixels(lambda_, winner):
    # λ = 0: the second, whose tight box is the box. λ → ∞: the first, which holds what the network sees most.
    settings = replace(OURS, k=1, lambda_=lambda_)
    regression = regression_costs(SCORES, SUPERPIXELS, MEMBERS, BOX, settings)
    [choice] = choose(IOU, regression, settings, [generator(0)])
    assert choice.chosen == winner
    assert list(choice.best) == [winner]


def test_the_best_are_the_least_costs_in_order():
    settings = replace(OURS, k=3, fallback_iou=0.0)
    [choice] = choose(IOU, None, settings, [generator(0)])
    assert list(choice.best) == [1, 3, 0]
    np.testing.assert_allclose(choice.overlap, [0, 1 / 3, 0.5])
    np.testing.assert_allclose(choice.regression, 0)


def test_draws_are_uniform_over_the_k_best_and_only_these():
    settings = replace(OURS, k=3, fallback_iou=0.0)
    draws = [choose(IOU, None, settings, [generator(seed)])[0].chosen for seed in range(900)]
    counts = np.bincount(draws, minlength=4)
    assert counts[2] == 0
    assert counts[[0, 1, 3]].min() > 250  # 300 expected, standard deviation 14


def test_no_candidate_near_the_box_falls_back_to_the_rectangle():
    near = choose(np.array([[0.5, 0.1]]), None, OURS, [generator(0)])
    far = choose(np.array([[0.49, 0.1]]), None, OURS, [generator(0)])
    assert near[0].chosen >= 0
    assert far[0].chosen == RECTANGLE
    assert choose(np.zeros((1, 0)), None, OURS, [generator(0)])[0].chosen == RECTANGLE


def dense_costs(log_probabilities, superpixels, members, boxes, settings):
    """E_r straight from Eq. 3, candidate by candidate and pixel by pixel, on dense masks."""
    costs = np.empty((len(boxes), len(members)))
    for b, (x0, y0, x1, y1) in enumerate(boxes):
        region = np.zeros(superpixels.shape, bool)
        region[y0:y1, x0:x1] = True
        if settings.region == "image":
            region[:] = True
        cross_entropy = -log_probabilities[[0, 1 + b]].astype(np.float64)  # of calling p background, and the label
        if settings.centre:
            difference = cross_entropy[1] - cross_entropy[0]
            cross_entropy = np.stack([np.zeros_like(difference), difference - difference[region].mean()])
        if settings.clamp:
            cross_entropy[1] = cross_entropy[0] + np.clip(
                cross_entropy[1] - cross_entropy[0], -settings.clamp, settings.clamp
            )
        pixels = {"none": 1, "image": superpixels.size, "box": (x1 - x0) * (y1 - y0)}[settings.norm]
        for s, member in enumerate(members):
            mask = np.zeros(superpixels.shape, bool)
            for superpixel in np.flatnonzero(member):
                mask |= superpixels == superpixel
            label_of_pixel = np.where(mask, cross_entropy[1], cross_entropy[0])
            costs[b, s] = label_of_pixel[region].sum() / pixels
    return costs


@pytest.mark.parametrize(
    ("region", "norm", "centre", "clamp"),
    list(itertools.product(["box", "image"], ["none", "image", "box"], [False, True], [0.0, 1.5])),
)
@given(seed=st.integers(0, 2**32 - 1))
def test_superpixel_sums_equal_dense_masks(region, norm, centre, clamp, seed):
    random = np.random.default_rng(seed)
    height, width, regions, candidates, boxes = *random.integers(2, 9, 2), *random.integers(1, 7, 3)
    superpixels = random.integers(0, regions, (height, width))
    members = random.random((candidates, regions)) < 0.5
    x0, y0 = random.integers(0, width - 1, boxes), random.integers(0, height - 1, boxes)
    corners = np.stack([x0, y0, random.integers(x0 + 1, width + 1), random.integers(y0 + 1, height + 1)], axis=1)
    logits = random.normal(size=(1 + boxes, height, width)) * 3
    scores = (logits - np.log(np.exp(logits).sum(axis=0))).astype(np.float32)
    settings = replace(PAPER, region=region, norm=norm, centre=centre, clamp=clamp)
    ours = regression_costs(scores, superpixels, members, corners, settings)
    np.testing.assert_allclose(ours, dense_costs(scores, superpixels, members, corners, settings), rtol=1e-9, atol=1e-9)


def test_smaller_boxes_win_overlaps_and_void_never_covers():
    boxes = np.array([[0, 0, 2, 2], [0, 0, 4, 4], [1, 1, 4, 4]])
    painted = paint(4, 4, boxes, np.array([1, 2, 255]), [None] * 3, clip=True)
    np.testing.assert_array_equal(painted, [[1, 1, 2, 2], [1, 1, 2, 2], [2, 2, 2, 2], [2, 2, 2, 2]])
    void_alone = paint(4, 4, boxes[2:], np.array([255]), [None], clip=True)
    assert (void_alone == 255).sum() == 9


@pytest.mark.parametrize(("clip", "pixels"), [(True, 4), (False, 16)])
def test_a_segment_ends_at_its_box_only_when_clipped(clip, pixels):
    painted = paint(4, 4, np.array([[1, 1, 3, 3]]), np.array([7]), [np.ones((4, 4), bool)], clip)
    assert (painted == 7).sum() == pixels
